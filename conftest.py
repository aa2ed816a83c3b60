"""Puts the repository root on the path: the application is run from its root, never installed."""
