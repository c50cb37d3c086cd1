"""Guests whose results could differ from machine to machine."""

import struct

from tests.hostile.case import Case

_NAN32 = struct.pack("<I", 0x7FC00000)
_NAN64 = struct.pack("<Q", 0x7FF8000000000000)


def _singles(*values: float) -> bytes:
    return struct.pack("<4f", *values)


def _shorts(*values: int) -> bytes:
    return struct.pack("<8h", *values)


_RELAXED = b"".join(
    [
        # Indices of 16 and more, negative ones included, choose 0.
        bytes([1, 0, 0, 0, 0, 0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        struct.pack("<4i", 2**31 - 1, -(2**31), 1, -1),
        struct.pack("<4I", 2**32 - 1, 0, 1, 0),
        struct.pack("<4i", 0, 0, 0, 0),
        _NAN32 * 4,
        _singles(0.0, 0.0, 0.0, 0.0),
        struct.pack("<4I", *[0x28800000] * 4),
        _shorts(32767, -32767, 0, 0, 0, 0, 0, 0),
        _shorts(-32512, 32258, 2, 2, 2, 2, 2, 2),
        bytes([1, 2] * 8),
    ]
)

CASES = (
    Case("nans", "singles", "show which processor it is", output=_NAN32 * 7),
    Case("nans", "doubles", "show which processor it is", output=_NAN64 * 6),
    Case(
        "nans",
        "vectors",
        "show which processor it is",
        output=_NAN32 * 4 + _NAN64 * 4,
    ),
    Case(
        "nans",
        "moves",
        "lose bits that the standard keeps",
        output=struct.pack("<QQQ", 0x7FF0000000000001, 0x7FF0000000000001, 0x7FF0000000000001),
    ),
    Case("relaxed_simd", "_start", "show which processor it is", output=_RELAXED),
)
