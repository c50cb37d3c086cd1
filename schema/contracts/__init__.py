"""Pydantic models that travel through Temporal, JetStream and HTTP."""
