"""What lives in a sandbox process, and nowhere else: the engine and what a guest can reach."""
