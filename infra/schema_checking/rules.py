"""What a package's schema.json may hold, and how a broken schema or value is described.

Runs inside the checking process. Schemas and values are both untrusted: nothing is fetched,
patterns run in linear time, and a message quotes at most 80 characters of a value, because
inputs are private.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import jsonschema_rs

from infra.schema_checking.faults import SIDES, Fault
from schema.canonical import JsonRefusedError, parse_json
from schema.limits import MIB, SCHEMA_BYTES_MAX

DIALECT = "https://json-schema.org/draft/2020-12/schema"

FAULTS_MAX = 10
MESSAGE_CHARS_MAX = 200
POINTER_CHARS_MAX = 200
QUOTED_CHARS_MAX = 80
# The library builds every error, each with a copy of the value there, before it shows the first.
# Above this size only the first violation is looked for.
FULL_REPORT_BYTES_MAX = 64 * 1024
COMPILED_SCHEMAS_MAX = 64

_METASCHEMA = jsonschema_rs.Draft202012Validator(
    {"$ref": DIALECT}, validate_formats=False, offline=True
)
_LINEAR_PATTERNS = jsonschema_rs.RegexOptions(size_limit=MIB, dfa_size_limit=MIB)


class SchemaRefusedError(ValueError):
    """The schema.json cannot be used; the faults say why."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in faults))
        self.faults = faults


@lru_cache(maxsize=COMPILED_SCHEMAS_MAX)
def compile_sides(schema_json: bytes) -> dict[str, jsonschema_rs.Validator]:
    """Validators of both sides of a schema.json.

    Raises:
        SchemaRefusedError: it breaks a rule of docs/package.md.
    """
    document = _parsed(schema_json)
    _refuse_all(_shape_faults(document))
    _refuse_all(_reference_faults(document))
    _refuse_all(_metaschema_faults(document))
    return {side: _compiled(side, document[side]) for side in SIDES}


def try_out(validator: jsonschema_rs.Validator) -> None:
    """Check one small value of each type, so that a schema that explodes does so at publish."""
    values: tuple[Any, ...] = (None, True, 0, "", [], {})
    for value in values:
        validator.is_valid(value)


def violations_of(validator: jsonschema_rs.Validator, value_json: bytes) -> list[Fault]:
    """Where the value breaks the schema; at most ten places, one for a large value."""
    try:
        value = parse_json(value_json)
    except JsonRefusedError as error:
        return [Fault("", _cut(str(error), MESSAGE_CHARS_MAX))]
    if validator.is_valid(value):
        return []
    if len(value_json) <= FULL_REPORT_BYTES_MAX:
        return [_violation(error) for error in islice(validator.iter_errors(value), FAULTS_MAX)]
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        return [_violation(error)]
    return [Fault("", "breaks the schema")]


def _parsed(schema_json: bytes) -> dict[str, Any]:
    if len(schema_json) > SCHEMA_BYTES_MAX:
        raise SchemaRefusedError(Fault("", f"is larger than {SCHEMA_BYTES_MAX} bytes"))
    try:
        document = parse_json(schema_json)
    except JsonRefusedError as error:
        raise SchemaRefusedError(Fault("", str(error))) from error
    if not isinstance(document, dict):
        raise SchemaRefusedError(Fault("", "must be an object with the members input and output"))
    return document


def _refuse_all(faults: Iterator[Fault]) -> None:
    found = list(islice(faults, FAULTS_MAX))
    if found:
        raise SchemaRefusedError(*found)


def _shape_faults(document: dict[str, Any]) -> Iterator[Fault]:
    for side in SIDES:
        if side not in document:
            yield Fault("", f"the member {side} is missing")
        elif not isinstance(document[side], dict):
            yield Fault(f"/{side}", "must be a schema that is an object")
    for name in document:
        if name not in SIDES and name != "$schema":
            yield Fault(_pointer([name]), "is unknown here: only input and output (and $schema)")


def _reference_faults(document: dict[str, Any]) -> Iterator[Fault]:
    """Members that would lead out of the document, wherever they stand.

    The walk does not ask whether a place is a schema or an example: a reference can make any place
    a schema. A property that is *named* `$ref` has an object as value, so it passes.
    """
    level: list[tuple[list[str | int], Any]] = [([], document)]
    while level:
        path, item = level.pop()
        if isinstance(item, list):
            level.extend(([*path, index], child) for index, child in enumerate(item))
        if not isinstance(item, dict):
            continue
        for name, child in item.items():
            remedy = _reference_remedy(name, child)
            if remedy:
                yield Fault(_pointer([*path, name]), remedy)
            level.append(([*path, name], child))


def _reference_remedy(name: str, value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    if name in ("$ref", "$dynamicRef") and not value.startswith("#"):
        return "only local references (#…) are followed: copy the schema into $defs"
    if name == "$id":
        return "would change what local references mean: leave it out"
    if name == "$schema" and value.removesuffix("#") != DIALECT:
        return f"only {DIALECT} is spoken here"
    return None


def _metaschema_faults(document: dict[str, Any]) -> Iterator[Fault]:
    for side in SIDES:
        for error in _METASCHEMA.iter_errors(document[side]):
            message = _cut(error.message, MESSAGE_CHARS_MAX)
            yield Fault(_pointer([side, *error.instance_path]), message)


def _compiled(side: str, schema: dict[str, Any]) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            # The dialect's default: `format` is a note to people and forms, the same everywhere.
            validate_formats=False,
            pattern_options=_LINEAR_PATTERNS,
            offline=True,
            mask="value",
        )
    except jsonschema_rs.ValidationError as error:
        path = _pointer([side, *error.instance_path])
        message = _cut(error.message, MESSAGE_CHARS_MAX)
        if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Format):
            message = (
                "is not a pattern that runs in linear time and small memory: "
                "no look-around, no back-references, smaller repetitions"
            )
        raise SchemaRefusedError(Fault(path, message)) from error


def _violation(error: jsonschema_rs.ValidationError) -> Fault:
    """The library's masked sentence, or ours where its own would quote the value's names."""
    kinds = jsonschema_rs.ValidationErrorKind
    match error.kind:
        case kinds.AdditionalProperties() | kinds.UnevaluatedProperties():
            names = _cut(", ".join(map(repr, error.kind.unexpected)), QUOTED_CHARS_MAX)
            message = f"has members that the schema does not know: {names}"
        case kinds.PropertyNames():
            name = _cut(repr(error.instance), QUOTED_CHARS_MAX)
            message = f"has a member whose name the schema refuses: {name}"
        case kinds.FalseSchema():
            message = f"nothing is allowed here (schema: {_pointer(error.schema_path)})"
        case _:
            message = error.message
    return Fault(_pointer(error.instance_path), _cut(message, MESSAGE_CHARS_MAX))


def _pointer(path: list[str | int]) -> str:
    """JSON Pointer (RFC 6901); of a long path the part that fits, so that it stays a pointer."""
    pointer = ""
    for step in path:
        segment = "/" + str(step).replace("~", "~0").replace("/", "~1")
        if len(pointer) + len(segment) > POINTER_CHARS_MAX:
            break
        pointer += segment
    return pointer


def _cut(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"
