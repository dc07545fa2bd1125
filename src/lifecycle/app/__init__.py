"""The Python API: what a host program calls."""
