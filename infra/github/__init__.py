"""GitHub, as the platform's App sees it."""
