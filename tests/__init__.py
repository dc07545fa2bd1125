"""The tests, and what they share: `conftest.py` (fixtures) and `postgres.py` (a server for the run)."""
