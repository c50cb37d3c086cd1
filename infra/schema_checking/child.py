"""The checking process, as `infra.killable.serving` runs it: one question, one answer."""

from dataclasses import asdict

from infra.killable.serving import serve
from infra.killable.wire import Question
from infra.schema_checking.rules import SchemaRefusedError, compile_sides, try_out, violations_of
from schema.limits import MIB

MEMORY_BYTES_MAX = 512 * MIB


def _answer(question: Question) -> dict[str, list[dict[str, str]]]:
    """A question names a side, or none to check the schemas themselves."""
    side, schema_json, value_json = question
    try:
        validators = compile_sides(schema_json)
    except SchemaRefusedError as refusal:
        return {"schema_faults": [asdict(fault) for fault in refusal.faults]}
    if not side:
        for validator in validators.values():
            try_out(validator)
        return {}
    return {"violations": [asdict(f) for f in violations_of(validators[side], value_json)]}


if __name__ == "__main__":
    serve(_answer, memory_bytes_max=MEMORY_BYTES_MAX)
