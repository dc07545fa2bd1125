"""Things that are lent and are to come back: an example of a host's own machine, to be changed into yours."""
