"""The sandbox process fleet: takes runs from the bus and executes their WebAssembly.

Its trust level is the platform's lowest: no database, Temporal, payment or GitHub credential is
ever here. See docs/runner.md.
"""
