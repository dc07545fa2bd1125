"""The dispatcher: APScheduler, armed at the earliest due instant."""
