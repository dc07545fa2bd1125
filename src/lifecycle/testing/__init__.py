"""What testers use: an engine of their own on a virtual clock, stories in files, and the pytest plugin over both.

Importing this package costs nothing: what is not used is not imported.
"""
