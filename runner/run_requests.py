"""Reads what the platform put on the queue: messages of this version and of older ones."""

import json
from typing import Any

from pydantic import ValidationError

from schema.contracts.run import RUN_SCHEMA_VERSION, RunPolicy, RunRequest
from schema.ids import CAST_ID_PATTERN

_FIRST_VERSION_WITH_POLICY = 2


class UnreadableRunError(Exception):
    """The message is not for this runner: a newer one may understand it.

    Args:
        cause: what is wrong with it; never its content.
        cast_id: whose run it is, if it says so.
    """

    def __init__(self, cause: str, cast_id: str | None) -> None:
        super().__init__(cause)
        self.cast_id = cast_id


def read_request(body: bytes) -> RunRequest:
    """The request in a message.

    Raises:
        UnreadableRunError: it is of a newer version, or does not fit its own.
    """
    try:
        request = RunRequest.model_validate_json(body)
    except ValidationError as error:
        raise UnreadableRunError(_what_is_wrong(error), _cast_id_in(body)) from None
    if request.schema_version > RUN_SCHEMA_VERSION:
        cause = f"version {request.schema_version} is newer than ours, {RUN_SCHEMA_VERSION}"
        raise UnreadableRunError(cause, request.cast_id)
    if request.schema_version < _FIRST_VERSION_WITH_POLICY:
        # Clock and random numbers were real for every run then.
        return request.model_copy(update={"policy": RunPolicy(deterministic=False)})
    return request


def _cast_id_in(body: bytes) -> str | None:
    """Whose run it is, of a message that may hold anything else."""
    try:
        members: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    cast_id = members.get("cast_id") if isinstance(members, dict) else None
    known = isinstance(cast_id, str) and CAST_ID_PATTERN.fullmatch(cast_id)
    return cast_id if known else None


def _what_is_wrong(error: ValidationError) -> str:
    places = [
        f"{'.'.join(str(part) for part in item['loc']) or 'message'}: {item['type']}"
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return "; ".join(places)
