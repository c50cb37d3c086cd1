"""The one way from a guest to the network: a process that enforces the policy of its cast.

See docs/runner.md, "What a guest may reach".
"""
