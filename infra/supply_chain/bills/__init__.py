"""Bills of materials: SPDX and CycloneDX documents in, `schema.contracts.bill` out, and back.

Runs in a killable process (`child.py`), because documents are untrusted and the formats' own
validators take seconds.
"""
