"""The code that produced the checkpoints; built on `core`."""
