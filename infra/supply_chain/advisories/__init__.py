"""Known vulnerabilities: OSV data brought in, kept, merged over its sources, and matched."""
