"""The HTTP door: thin routes over ports; `api.main` is the composition root."""
