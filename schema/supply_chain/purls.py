"""What is a package URL: the rules of purl-spec that need no table of types.

`pkg:type/namespace/name@version?qualifiers#subpath`, of which type and name are required.
"""

import re
from urllib.parse import unquote

_TYPE = re.compile(r"[a-z][a-z0-9.-]*", re.IGNORECASE)
_QUALIFIER = re.compile(r"[a-z][a-z0-9._-]*=.*", re.IGNORECASE)
_UNPRINTED = re.compile(r"[\x00-\x20\x7f]")


def purl_fault(purl: str) -> str | None:
    """Why the text is no package URL, as the end of a sentence; None when it is one."""
    if not purl.startswith("pkg:"):
        return "does not begin with pkg:"
    if _UNPRINTED.search(purl):
        return "holds a blank or a control character"
    rest, _, _ = purl[len("pkg:") :].lstrip("/").partition("#")
    path, _, qualifiers = rest.partition("?")
    kind, _, place = path.strip("/").partition("/")
    if not _TYPE.fullmatch(kind):
        return "has no type such as npm, pypi, cargo or golang"
    if not _name_of(place):
        return "has no name"
    if any(not _QUALIFIER.fullmatch(item) for item in qualifiers.split("&") if item):
        return "has a qualifier that is not key=value"
    return None


def _name_of(place: str) -> str:
    # An npm scope may begin with an unescaped `@`, so only one behind the last `/` is a version's.
    last = place.strip("/").rpartition("/")[2]
    return unquote(last.rpartition("@")[0] if "@" in last else last).strip("/")
