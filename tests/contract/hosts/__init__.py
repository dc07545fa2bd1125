"""Machines of a host's own: nothing in the package knows of them, they are loaded by their dotted paths."""
