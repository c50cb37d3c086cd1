"""Guests that ask for what no network policy allows."""

import json

from tests.hostile.case import NETWORK, Case

_DENIED = frozenset({"net_denied"})
_LIMITS = {"net_requests_max": 10, "net_bytes_max": 1_000_000}
_FORMS = (
    "http://api.example.com/",
    "https://127.0.0.1/",
    "https://localhost/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://127.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://10.0.0.1/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://evil.com/",
    "https://example.org/",
    "https://api.example.com.evil.com/",
    "https://evil.com#@api.example.com/",
    "https://api.example.com:22/",
    "gopher://api.example.com/",
)
# What is no address at all is not even asked for.
_NO_ADDRESSES = (
    "https://0177.0.0.1/",
    "https://api.example.com@evil.com/",
    "file:///etc/passwd",
    "//api.example.com/",
    "https://",
    "",
)
_MALFORMED = (b"", b"{", b"[]", b"null", b'{"url":1}', b'{"method":"GET"}', b"\xff", b"[" * 9000)


def _get(url: str) -> bytes:
    return json.dumps({"method": "GET", "url": url}).encode()


CASES = (
    Case(
        "fetch",
        "_start",
        "reach anything without a grant",
        stdin=_get("https://api.example.com/"),
        answers="ACCES",
        violations=_DENIED,
    ),
    *(
        Case(
            "fetch",
            "_start",
            f"reach {url}",
            stdin=_get(url),
            answers="ACCES",
            violations=_DENIED,
            limits=_LIMITS,
            grants=NETWORK,
        )
        for url in _FORMS
    ),
    *(
        Case(
            "fetch",
            "_start",
            f"reach {url}",
            stdin=_get(url),
            answers="INVAL",
            limits=_LIMITS,
            grants=NETWORK,
        )
        for url in _NO_ADDRESSES
    ),
    *(
        Case(
            "fetch",
            "_start",
            f"get a request like {head[:12]!r} past the parser",
            stdin=head,
            answers="INVAL",
            limits=_LIMITS,
            grants=NETWORK,
        )
        for head in _MALFORMED
    ),
    Case(
        "fetch",
        "without_end",
        "ask for ever",
        "HOST_CALLS_EXCEEDED",
        stdin=_get("https://127.0.0.1/"),
        violations=frozenset({"net_denied", "net_limit", "host_calls"}),
        limits={**_LIMITS, "host_calls_max": 100},
        grants=NETWORK,
    ),
    Case(
        "fetch",
        "bad_pointers",
        "have the host read beside its memory",
        answers="FAULT 2BIG FAULT 2BIG FAULT INVAL",
        limits=_LIMITS,
        grants=NETWORK,
    ),
)
