"""Pages of the local GitHub, for people who want to see what it holds."""
