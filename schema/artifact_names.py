"""Which names artifacts may have. Apart from the contracts: sandbox processes are lean."""

import re

from schema.limits import ARTIFACT_NAME_CHARS_MAX

ARTIFACT_NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$"
OUTPUT_ARTIFACT = "output.json"
"""What the cast's result is called among its artifacts; no other has this name."""

# `$` would let a line end pass.
_NAME = re.compile(rf"{ARTIFACT_NAME_PATTERN[:-1]}\Z")


def is_artifact_name(name: str) -> bool:
    """Whether a run's file may become an artifact of this name.

    A relative path of plain names: safe in URLs, headers and file systems. The output's own name is
    nobody else's, not even a folder's.
    """
    return (
        len(name) <= ARTIFACT_NAME_CHARS_MAX
        and name.partition("/")[0] != OUTPUT_ARTIFACT
        and _NAME.match(name) is not None
    )
