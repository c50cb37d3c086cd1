"""Sigstore signatures over packages: verifying them, explaining refusals, and making them.

Start with `verifier.py` (may this package be believed?) and `signing.py` (sign this package).
"""
