"""Stories in files: what is done on which day, and what is expected then; read, played and told."""
