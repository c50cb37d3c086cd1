"""The checking process: answers one question after another until its pipe closes.

Started as `python -m infra.schema_checking.child SECONDS`. It holds no secret and no file; time
and memory are bounded by the kernel as well as by the parent, so that it ends even when the
parent died while a check was stuck in native code.
"""

import contextlib
import json
import resource
import signal
import sys
from dataclasses import asdict

from infra.schema_checking.rules import SchemaRefusedError, compile_sides, try_out, violations_of
from infra.schema_checking.wire import READY, answer_frame, read_question
from schema.limits import MIB

MEMORY_BYTES_MAX = 512 * MIB
# The parent stops a late check first; the kernel does when there is no parent any more.
ORPHAN_GRACE_SECONDS = 1.0


def main() -> None:
    """Answer questions from stdin on stdout."""
    _limit_this_process()
    seconds_max = float(sys.argv[1])
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    answers.write(READY)
    answers.flush()
    while (question := read_question(questions)) is not None:
        signal.setitimer(signal.ITIMER_REAL, seconds_max + ORPHAN_GRACE_SECONDS)
        answer = json.dumps(_answer(*question)).encode("ascii")
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(answer_frame(answer))
        answers.flush()


def _answer(side: str, schema_json: bytes, value_json: bytes) -> dict[str, list[dict[str, str]]]:
    try:
        validators = compile_sides(schema_json)
    except SchemaRefusedError as refusal:
        return {"schema_faults": [asdict(fault) for fault in refusal.faults]}
    if not side:
        for validator in validators.values():
            try_out(validator)
        return {}
    return {"violations": [asdict(f) for f in violations_of(validators[side], value_json)]}


def _limit_this_process() -> None:
    # Ctrl-C goes to the whole terminal group; the parent says when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # macOS refuses this limit; there the parent's clock is the only bound.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))


if __name__ == "__main__":
    main()
