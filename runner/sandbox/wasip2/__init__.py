"""WASI preview 2 as components get it: our own, of which nothing reaches the kernel."""
