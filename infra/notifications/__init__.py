"""The ways in which accounts are told things."""
