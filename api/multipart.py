"""multipart/form-data, part by part as it arrives (RFC 7578): each part within its own limit."""

from collections.abc import AsyncIterator, Mapping

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.bodies import timely
from schema.errors import SpellError

MULTIPART_MEDIA_TYPE = "multipart/form-data"


async def read_parts(request: Request, limits_bytes: Mapping[str, int]) -> dict[str, bytes]:
    """The named parts of a form; a body with any other part is refused.

    Args:
        request: whose body it is.
        limits_bytes: what each part may have, by its name.

    Raises:
        SpellError: VALIDATION_ERROR, PAYLOAD_TOO_LARGE, BODY_TOO_SLOW.
    """
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if not boundary:
        raise _unreadable("it names no boundary")
    return await _parsed(request.stream(), boundary, limits_bytes)


async def _parsed(
    stream: AsyncIterator[bytes], boundary: bytes, limits_bytes: Mapping[str, int]
) -> dict[str, bytes]:
    form = _Form(limits_bytes)
    try:
        parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
        async for chunk in timely(stream):
            parser.write(chunk)
        parser.finalize()
    except (FormParserError, ValueError, UnicodeDecodeError) as error:
        raise _unreadable("it is no multipart/form-data") from error
    if not form.ended:
        raise _unreadable("it ends before its last boundary")
    return {name: bytes(content) for name, content in form.parts.items()}


class _Form:
    """What the parser has found so far."""

    def __init__(self, limits_bytes: Mapping[str, int]) -> None:
        self.parts: dict[str, bytearray] = {}
        self.ended = False
        self._limits_bytes = limits_bytes
        self._header = (bytearray(), bytearray())
        self._name = ""

    def callbacks(self) -> dict[str, object]:
        """What the parser calls."""
        return {
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_begin": self._on_part_begin,
            "on_part_data": self._on_part_data,
            "on_end": self._on_end,
        }

    def _on_part_begin(self) -> None:
        self._name = ""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _on_header_end(self) -> None:
        field, value = (bytes(part) for part in self._header)
        self._header = (bytearray(), bytearray())
        if field.lower() == b"content-disposition":
            _, options = parse_options_header(value)
            self._name = options.get(b"name", b"").decode("utf-8")

    def _on_headers_finished(self) -> None:
        if self._name not in self._limits_bytes:
            expected = " and ".join(f"`{name}`" for name in self._limits_bytes)
            raise _unreadable(f"it may hold the parts {expected}, and nothing else")
        if self._name in self.parts:
            raise _unreadable(f"it holds the part `{self._name}` twice")
        self.parts[self._name] = bytearray()

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        content, limit_bytes = self.parts[self._name], self._limits_bytes[self._name]
        content += data[start:end]
        if len(content) > limit_bytes:
            details = {"limit_bytes": limit_bytes, "part": self._name}
            raise SpellError("PAYLOAD_TOO_LARGE", details=details)

    def _on_end(self) -> None:
        self.ended = True


def _unreadable(why: str) -> SpellError:
    return SpellError("VALIDATION_ERROR", f"The body cannot be read: {why}.")
