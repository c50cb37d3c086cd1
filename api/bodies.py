"""Request bodies: bounded before they are parsed, strict when they are."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from api.problems import validation_error
from schema import limits
from schema.canonical import JsonRefusedError, parse_json
from schema.errors import SpellError

Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: Request, *, limit_bytes: int, media_type: str) -> bytes:
    """The whole body, refused as soon as it is known to be too large.

    Raises:
        SpellError: UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, BODY_TOO_SLOW, VALIDATION_ERROR.
    """
    if media_type_of(request) != media_type:
        raise SpellError("UNSUPPORTED_MEDIA_TYPE", details={"accepts": media_type})
    check_length(request, limit_bytes)
    body = bytearray()
    async for chunk in timely(request.stream()):
        body += chunk
        if len(body) > limit_bytes:
            raise _too_large(limit_bytes)
    return bytes(body)


def media_type_of(request: Request) -> str:
    """The body's media type, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def check_length(request: Request, limit_bytes: int) -> None:
    """Refuse a body that says of itself that it is too large. Raises PAYLOAD_TOO_LARGE."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit_bytes:
        raise _too_large(limit_bytes)


async def timely(
    stream: AsyncIterator[bytes],
    *,
    idle_seconds: float = limits.BODY_IDLE_SECONDS_MAX,
    all_seconds: float = limits.BODY_SECONDS_MAX,
) -> AsyncIterator[bytes]:
    """A body's chunks, as long as they keep coming.

    Raises:
        SpellError: BODY_TOO_SLOW; VALIDATION_ERROR, it ended before its end.
    """
    ends_at = asyncio.get_running_loop().time() + all_seconds
    while True:
        left = ends_at - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(idle_seconds, left)):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise SpellError("BODY_TOO_SLOW") from error
        except ClientDisconnect as error:
            raise SpellError("VALIDATION_ERROR", "The body ended before its end.") from error
        yield chunk


def _too_large(limit_bytes: int) -> SpellError:
    return SpellError("PAYLOAD_TOO_LARGE", details={"limit_bytes": limit_bytes})


async def read_json(request: Request, model: type[Model], *, limit_bytes: int = 64 * 1024) -> Model:
    """A strict JSON body as a model.

    Raises:
        SpellError: UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, VALIDATION_ERROR.
    """
    body = await read_body(request, limit_bytes=limit_bytes, media_type="application/json")
    try:
        # A large body is read beside the loop, so that others are served meanwhile.
        await asyncio.to_thread(parse_json, body)
    except JsonRefusedError as error:
        raise SpellError("VALIDATION_ERROR", f"The body cannot be read: {error}.") from error
    try:
        # From the text, not from the value: only so is "strict" JSON's own idea of types.
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise validation_error(list(error.errors())) from error


def body_schema(model: type[BaseModel], media_type: str = "application/json") -> dict[str, Any]:
    """The OpenAPI description of a body that a handler reads by itself, without references."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    content = {media_type: {"schema": _inlined(schema, definitions)}}
    return {"requestBody": {"required": True, "content": content}}


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(value, definitions) for name, value in node.items()}
