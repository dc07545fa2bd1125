"""The tables and the one writer, on SQLite and PostgreSQL."""
