"""The ledger as evidence: sealed in signed Merkle batches, anchored elsewhere, verified."""
