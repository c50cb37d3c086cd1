"""Sends a package in chunks, goes on where a connection broke, and follows what becomes of it."""

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cli.client import Api, CliError, ExitCode
from cli.event_streams import whole_stream
from schema.ids import sha256_digest
from schema.limits import MIB

CHUNK_BYTES = MIB
# Of one chunk: what breaks more often is not about to get better.
TRIES = 5
_LAST = frozenset({"published", "refused"})
_CHUNK_TYPE = "application/offset+octet-stream"

Sent = Callable[[int], None]
Told = Callable[[str, Mapping[str, Any]], None]


def upload(api: Api, archive: bytes, bundle: bytes | None, sent: Sent) -> str:
    """Send an archive and its signature; the answer is the id of the publication.

    Args:
        api: where to.
        archive: a canonical package.
        bundle: the content of SIGNATURE.sigstore.
        sent: is told how many bytes have arrived.

    Raises:
        CliError: it is refused, or the connection keeps breaking.
    """
    order: dict[str, Any] = {
        "package_digest": sha256_digest(archive),
        "package_bytes": len(archive),
    }
    if bundle is not None:
        order["signature"] = bundle.decode("utf-8", "replace")
    key = {"Idempotency-Key": secrets.token_hex(16)}
    begun = _persistently(lambda: api.json("POST", "/v1/uploads", json=order, headers=key))
    path, offset = f"/v1/uploads/{begun['upload_id']}", int(begun["offset"])
    while True:
        sent(offset)
        answer = _persistently(partial(_send, api, path, archive, offset))
        if "offset" not in answer:
            sent(len(archive))
            return str(answer["publication_id"])
        offset = int(answer["offset"])


def follow(api: Api, publication_id: str, told: Told) -> dict[str, Any]:
    """The result of a publication, whose steps are told as they begin and end.

    Raises:
        CliError: the stream keeps breaking off.
    """
    path = f"/v1/publications/{publication_id}/events"
    data: dict[str, Any] = {}
    for kind, data in whole_stream(api, path, _LAST):
        if kind not in _LAST:
            told(kind, data)
    return data


def _send(api: Api, path: str, archive: bytes, offset: int) -> dict[str, Any]:
    """One chunk; whoever is told another offset goes on there."""
    headers = {
        "Content-Type": _CHUNK_TYPE,
        "Upload-Offset": str(offset),
        "Prefer": "wait=0",
    }
    chunk = archive[offset : offset + CHUNK_BYTES]
    try:
        answer: dict[str, Any] = api.json("PATCH", path, content=chunk, headers=headers)
    except CliError as error:
        if error.document.get("code") != "UPLOAD_OFFSET_CONFLICT":
            raise
        return {"offset": error.document["details"]["offset"]}
    return answer


def _persistently(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The call's answer, repeated while the connection or the platform is in trouble."""
    for _ in range(TRIES - 1):
        try:
            return call()
        except CliError as error:
            if error.exit_code != ExitCode.PLATFORM:
                raise
    return call()
