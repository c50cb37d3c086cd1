"""What license expressions mean, and which licenses go together."""
