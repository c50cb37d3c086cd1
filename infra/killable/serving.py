"""A child's own end: it answers one question after another until its pipe closes.

Time and memory are bounded by the kernel as well as by the parent, so that a child ends even when
the parent died while it was stuck in native code. Processor time is bounded by the kernel alone:
unlike wall time, it says what a question costs however busy the machine is.
"""

import contextlib
import json
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

from infra.killable.wire import READY, Question, answer_frame, read_question

# The parent stops a late answer first; the kernel does when there is no parent any more.
ORPHAN_GRACE_SECONDS = 1.0


def serve(answer_to: Callable[[Question], Any], *, memory_bytes_max: int) -> None:
    """Answer questions from stdin on stdout.

    `sys.argv` has the wall time and the processor time for each, in seconds; 0 is no bound.
    """
    _limit_this_process(memory_bytes_max)
    seconds_max, cpu_seconds_max = map(float, sys.argv[1:3])
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    answers.write(READY)
    answers.flush()
    while (question := read_question(questions)) is not None:
        signal.setitimer(signal.ITIMER_REAL, seconds_max + ORPHAN_GRACE_SECONDS)
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds_max)
        answer = json.dumps(answer_to(question)).encode("ascii")
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(answer_frame(answer))
        answers.flush()


def _limit_this_process(memory_bytes_max: int) -> None:
    # Ctrl-C goes to the whole terminal group; the parent says when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # macOS refuses this limit; there the parent's clock is the only bound.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes_max, memory_bytes_max))
