"""The Streamlit interface; built on `core`."""
