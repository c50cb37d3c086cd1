"""The only place that knows vendors. Adapters fit the ports structurally and do not import them."""
