"""The supply-chain gate: checks behind ports, and the decision that they add up to."""
