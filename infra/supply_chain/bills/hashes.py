"""What the formats call hash algorithms, and which values they let stand.

A bill's own names are lower case with the family's hyphen only: `sha256`, `sha3-256`.
"""

CYCLONEDX_1_6 = (
    *("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-384", "SHA3-512"),
    *("BLAKE2b-256", "BLAKE2b-384", "BLAKE2b-512", "BLAKE3"),
)
CYCLONEDX_1_7 = (*CYCLONEDX_1_6, "Streebog-256", "Streebog-512")
_CYCLONEDX_DIGITS = {32, 40, 64, 96, 128}

# Digits by algorithm. SPDX 2.3 has BLAKE3 as well, but its reference validator takes bits for
# digits there and refuses every usual value; so do MD6's, whose length is free.
_SPDX_DIGITS = {
    "MD2": 32,
    "MD4": 32,
    "MD5": 32,
    "ADLER32": 8,
    "SHA1": 40,
    "SHA224": 56,
    "SHA256": 64,
    "SHA384": 96,
    "SHA512": 128,
    "SHA3-256": 64,
    "SHA3-384": 96,
    "SHA3-512": 128,
    "BLAKE2b-256": 64,
    "BLAKE2b-384": 96,
    "BLAKE2b-512": 128,
}


def algorithm_of(name: str) -> str:
    """A bill's name of the algorithm that a document calls so."""
    return name.lower().replace("_", "-").replace("sha-", "sha")


_TO_CYCLONEDX = {algorithm_of(name): name for name in CYCLONEDX_1_7}
_TO_SPDX = {algorithm_of(name): name for name in _SPDX_DIGITS}


def cyclonedx_hashes(hashes: dict[str, str]) -> list[dict[str, str]]:
    """The hashes that CycloneDX has a place for."""
    return [
        {"alg": _TO_CYCLONEDX[algorithm], "content": digest}
        for algorithm, digest in hashes.items()
        if algorithm in _TO_CYCLONEDX and len(digest) in _CYCLONEDX_DIGITS and _is_hex(digest)
    ]


def spdx_checksums(hashes: dict[str, str]) -> list[dict[str, str]]:
    """The hashes that SPDX 2.3 has a place for."""
    return [
        {"algorithm": _TO_SPDX[algorithm], "checksumValue": digest}
        for algorithm, digest in hashes.items()
        if algorithm in _TO_SPDX
        and len(digest) == _SPDX_DIGITS[_TO_SPDX[algorithm]]
        and _is_hex(digest)
    ]


def _is_hex(digest: str) -> bool:
    return set(digest) <= set("0123456789abcdef")
