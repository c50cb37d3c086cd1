"""A Stripe for this machine: what the platform asks of Stripe, spoken as Stripe speaks it."""
