"""Pictures: a life in time, for a terminal and as SVG, and a machine as SVG. Pure: nothing is read, nothing written."""
