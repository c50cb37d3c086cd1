"""The task queues: for each, which workflows and activities it serves, wired to their adapters."""
