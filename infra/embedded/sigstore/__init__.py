"""A Sigstore for one machine: token issuer, certificate authority, log; on loopback only."""
