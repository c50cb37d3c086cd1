"""A bill's refs as SPDX ids, and back: `SPDXRef-` and letters, digits, dots and hyphens.

A ref that is no such id is written with a prefix of ours and escaped, so that the way back gives
exactly the ref. An id that looks so, and is not what we would have written, stays as it is.
"""

import re

DOCUMENT = "SPDXRef-DOCUMENT"
_ID = re.compile(r"SPDXRef-[\dA-Za-z.-]+")
_PREFIX = "SPDXRef-ref-"
_ESCAPE = re.compile(r"-([0-9a-f]{1,6})-")


def id_of_ref(ref: str) -> str:
    """The SPDX id that stands for a ref."""
    if _ID.fullmatch(ref) and ref != DOCUMENT and not ref.startswith(_PREFIX):
        return ref
    return _PREFIX + re.sub(r"[^\dA-Za-z.]", lambda found: f"-{ord(found[0]):x}-", ref)


def ref_of_id(spdx_id: str) -> str:
    """The ref that an SPDX id stands for."""
    if not spdx_id.startswith(_PREFIX):
        return spdx_id
    try:
        ref = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), spdx_id.removeprefix(_PREFIX))
    except (ValueError, OverflowError):
        return spdx_id
    return ref if id_of_ref(ref) == spdx_id else spdx_id
