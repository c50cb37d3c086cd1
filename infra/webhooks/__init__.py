"""Webhooks on their way out: keys, bodies, signatures, connections."""
