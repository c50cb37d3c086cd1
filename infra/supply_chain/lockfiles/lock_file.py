"""A lock file as text, what it locks, and how reading one fails: by file and line."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from packageurl import PackageURL
from pydantic import BaseModel, Field, ValidationError

from schema.canonical import JsonRefusedError, parse_json
from schema.contracts.bill import Component, ComponentKind
from schema.limits import MIB
from schema.packaging.toml_lines import TomlTooDeepError, line_of, member_lines

LOCK_FILE_BYTES_MAX = 8 * MIB
COMPONENTS_MAX = 10_000
_MESSAGE_CHARS_MAX = 300

HexDigest = Annotated[str, Field(pattern=r"^[0-9a-f]+$", max_length=128)]
HashName = Annotated[str, Field(pattern=r"^(?:sha256|sha384|sha512|sha1|md5)$")]
Hashes = dict[HashName, HexDigest]

Model = TypeVar("Model", bound=BaseModel)


class LockFileError(Exception):
    """A lock file cannot be read; the message begins with its name and line."""

    def __init__(self, file: str, line: int | None, message: str) -> None:
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {message[:_MESSAGE_CHARS_MAX]}")


@dataclass(frozen=True)
class Locked:
    """What one lock file says."""

    components: tuple[Component, ...] = ()
    direct: tuple[str, ...] = ()
    """`ref`s of what the spell itself asks for; where a file does not say, all of them."""


@dataclass(frozen=True)
class LockFile:
    """The name and the text of one lock file."""

    name: str
    text: str = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> "LockFile":
        """Read one, within `LOCK_FILE_BYTES_MAX`.

        Raises:
            LockFileError: it is too large, no text, or not readable.
        """
        try:
            with path.open("rb") as file:
                content = file.read(LOCK_FILE_BYTES_MAX + 1)
        except OSError as error:
            raise LockFileError(path.name, None, f"cannot be read ({error.strerror})") from error
        if len(content) > LOCK_FILE_BYTES_MAX:
            raise LockFileError(path.name, None, f"is larger than {LOCK_FILE_BYTES_MAX:,} bytes")
        try:
            return cls(path.name, content.decode("utf-8-sig").replace("\r\n", "\n"))
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise LockFileError(path.name, line, "is not UTF-8") from error

    def error(self, line: int | None, message: str) -> LockFileError:
        """What is wrong with it, and where."""
        return LockFileError(self.name, line, message)

    def line_with(self, text: str) -> int | None:
        """The first line that holds the text."""
        at = self.text.find(text)
        return None if at < 0 else self.text.count("\n", 0, at) + 1

    def toml(self, model: type[Model]) -> Model:
        """The members that the model names, of a TOML document.

        Raises:
            LockFileError: it is no TOML, or a member is missing or not as it should be.
        """
        try:
            lines = member_lines(self.text)
            document = tomllib.loads(self.text)
        except TomlTooDeepError as error:
            raise self.error(error.line, "is nested too deep") from error
        except ValueError as error:
            raise self.error(None, f"is not TOML: {error}") from error
        try:
            return model.model_validate(document)
        except ValidationError as error:
            place, message = _first(error)
            raise self.error(line_of(lines, place), message) from error

    def json(self, model: type[Model]) -> Model:
        """The members that the model names, of a JSON document.

        Raises:
            LockFileError: it is no JSON, or a member is missing or not as it should be.
        """
        try:
            return model.model_validate(parse_json(self.text))
        except JsonRefusedError as error:
            raise self.error(None, str(error)) from error
        except ValidationError as error:
            place, message = _first(error)
            raise self.error(self._json_line(place), message) from error

    def _json_line(self, place: tuple[str | int, ...]) -> int | None:
        """Where the names of the place stand, one after the other; near enough to find it."""
        at = 0
        for name in place:
            found = self.text.find(f'"{name}"', at)
            at = found if found >= 0 else at
        return self.text.count("\n", 0, at) + 1


def _first(error: ValidationError) -> tuple[tuple[str | int, ...], str]:
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"])
    return first["loc"], f"{path or 'the document'}: {first['msg']}"


def component_of(
    kind: str,
    name: str,
    version: str,
    *,
    namespace: str | None = None,
    qualifiers: Mapping[str, str] | None = None,
    **members: Any,
) -> Component:
    """A library, named by its purl.

    Args:
        kind: the purl type, such as `npm`; `generic` for what no registry has.
        name: without its namespace.
        version: exactly one.
        namespace: npm's scope, or the path before a Go module's last part.
        qualifiers: where it comes from, if not from the usual registry.
        members: more members of `Component`.
    """
    purl = PackageURL(kind, namespace, name, version, dict(qualifiers or {})).to_string()
    full_name = f"{namespace}/{name}" if namespace else name
    return Component(
        ref=purl,
        name=full_name,
        kind=ComponentKind.LIBRARY,
        version=version,
        purl=purl,
        **members,
    )


def nobody_asks_for(components: Iterable[Component]) -> tuple[str, ...]:
    """The components that no other one depends on: what the spell itself must have asked for."""
    found = list(components)
    asked = {ref for component in found for ref in component.depends_on if ref != component.ref}
    return tuple(component.ref for component in found if component.ref not in asked)
