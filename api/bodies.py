"""Request bodies: bounded before they are parsed, strict when they are."""

import asyncio
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from api.problems import validation_error
from schema.canonical import JsonRefusedError, parse_json
from schema.errors import SpellError

Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: Request, *, limit_bytes: int, media_type: str) -> bytes:
    """The whole body, refused as soon as it is known to be too large.

    Raises:
        SpellError: UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE.
    """
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent != media_type:
        raise SpellError("UNSUPPORTED_MEDIA_TYPE", details={"accepts": media_type})
    too_large = SpellError("PAYLOAD_TOO_LARGE", details={"limit_bytes": limit_bytes})
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit_bytes:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise too_large
    return bytes(body)


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
