"""The routes of the local GitHub, by resource."""
