"""The words of the system and its pure rules: a leaf that does no I/O and imports no vendor."""
