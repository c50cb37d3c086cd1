"""Stripe, as the platform asks it."""
