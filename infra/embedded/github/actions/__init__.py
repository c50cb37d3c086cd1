"""The Actions half of the local GitHub: workflow files, their runs, artifacts and webhooks."""
