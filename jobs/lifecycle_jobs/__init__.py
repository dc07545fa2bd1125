"""What the scheduler runs on a calendar, one job per module; config.yaml names them."""
