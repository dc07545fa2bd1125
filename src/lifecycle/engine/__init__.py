"""From a command or a due instant to a decision: the one path of every stimulus, for machines of any kind."""
