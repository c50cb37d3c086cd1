"""Pure rules of the supply-chain gate: from what was found to what is decided."""
