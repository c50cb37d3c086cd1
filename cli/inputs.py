"""What a cast gets from the command line: inputs from a document, options and files; limits."""

import base64
import re
import sys
from pathlib import Path
from typing import Any

from cli.client import CliError, ExitCode
from cli.files import read_file
from schema.canonical import JsonRefusedError, canonical_json, parse_json
from schema.contracts.cast import CasterLimits

_WHOLE_NUMBER = re.compile(r"(?=.{1,24}$)[0-9]+(?:_[0-9]+)*")


def collect_inputs(
    document: str | None, members: list[str], texts: list[str], binaries: list[str]
) -> Any:
    """The inputs that the options describe.

    Args:
        document: path of a JSON file, or `-` for standard input; None starts with `{}`.
        members: `name=value`; the value is JSON where it parses as such, else text.
        texts: `name=path`; the file's text becomes the member.
        binaries: `name=path`; the file's bytes become the member, as base64.

    Raises:
        CliError: a file is not there, or the JSON is none.
    """
    inputs = _document(document) if document else {}
    extra: dict[str, Any] = {}
    for option in members:
        name, value = _pair(option)
        extra[name] = _value(value)
    for option in texts:
        name, path = _pair(option)
        extra[name] = read_file(Path(path)).decode("utf-8", "replace")
    for option in binaries:
        name, path = _pair(option)
        extra[name] = base64.b64encode(read_file(Path(path))).decode("ascii")
    if extra and not isinstance(inputs, dict):
        raise CliError("Members can only be added to a JSON object.", ExitCode.USAGE)
    whole = {**inputs, **extra} if extra else inputs
    try:
        canonical_json(whole)
    except JsonRefusedError as error:
        raise CliError(f"The inputs cannot be sent: {error}", ExitCode.USAGE) from error
    return whole


def collect_limits(options: list[str]) -> dict[str, int]:
    """The caster's limits that `--limit` options name.

    Args:
        options: `name=number`, by the names that the API has; `_` may stand between digits.

    Raises:
        CliError: no such limit, the same one twice, or not a whole number.
    """
    limits: dict[str, int] = {}
    for option in options:
        name, value = _pair(option)
        if name not in CasterLimits.model_fields:
            known = ", ".join(CasterLimits.model_fields)
            raise CliError(f"{name!r} is no limit. There are {known}.", ExitCode.USAGE)
        if name in limits or _WHOLE_NUMBER.fullmatch(value) is None:
            raise CliError(f"{option!r} should be one whole number.", ExitCode.USAGE)
        limits[name] = int(value)
    return limits


def _document(source: str) -> Any:
    content = sys.stdin.buffer.read() if source == "-" else read_file(Path(source))
    try:
        return parse_json(content)
    except JsonRefusedError as error:
        raise CliError(f"{source}: {error}", ExitCode.USAGE) from error


def _pair(option: str) -> tuple[str, str]:
    name, equals, value = option.partition("=")
    if not equals or not name:
        raise CliError(f"{option!r} should read name=value.", ExitCode.USAGE)
    return name, value


def _value(text: str) -> Any:
    try:
        return parse_json(text)
    except JsonRefusedError:
        return text
