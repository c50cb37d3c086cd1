"""What a guest may try and is not allowed. Apart from the contracts: sandbox processes are lean."""

from enum import StrEnum


class ViolationKind(StrEnum):
    """Kinds of violations, as they are recorded and shown."""

    NET_DENIED = "net_denied"
    NET_LIMIT = "net_limit"
    PATH_ESCAPE = "path_escape"
    READ_ONLY = "read_only"
    OPEN_FILES = "open_files"
    SCRATCH_FULL = "scratch_full"
    ARTIFACTS_FULL = "artifacts_full"
    STDERR_CUT = "stderr_cut"
    MEMORY_DENIED = "memory_denied"
    HOST_CALLS = "host_calls"


POLICY_VIOLATIONS = frozenset(
    {ViolationKind.NET_DENIED, ViolationKind.PATH_ESCAPE, ViolationKind.READ_ONLY}
)
"""Attempts to reach what the manifest does not ask for: these count towards suspension.

The others are limits that were met. A large or odd input is enough for those, so they say nothing
against the spell.
"""
