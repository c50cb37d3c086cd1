"""The supervisor's processes: how they start and end, and what is said to them."""
