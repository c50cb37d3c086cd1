"""Vendors of the supply-chain gate: Sigstore, SBOM formats, advisories, license data."""
