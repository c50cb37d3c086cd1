"""Guests that flood their output or log, abuse progress reports, or end in odd ways."""

from tests.hostile.case import Case

_NOTHING: frozenset[str] = frozenset()
_CUT = frozenset({"stderr_cut"})

CASES = (
    *(
        Case("exits", entry, "pass as a success", "SPELL_FAILED", details={"exit_code": code})
        for entry, code in (("exit_1", 1), ("exit_125", 125), ("exit_minus_1", 2**32 - 1))
    ),
    Case("exits", "exit_0", "fail"),
    Case("hello", "_start", "fail", output=b'{"hello":"world"}'),
    *(
        Case(
            "floods", entry, "write more than its limit", "OUTPUT_TOO_LARGE", violations=violations
        )
        for entry, violations in (
            ("stdout", _NOTHING),
            ("stdout_persistently", _NOTHING),
            ("both", _CUT),
        )
    ),
    Case(
        "floods",
        "stderr",
        "write more than its limit, nor fail for it",
        violations=_CUT,
    ),
    Case("floods", "exactly_1000_bytes", "be denied", limits={"output_bytes_max": 1000}),
    Case(
        "floods",
        "one_byte_over_1000",
        "pass with a byte too many",
        "OUTPUT_TOO_LARGE",
        limits={"output_bytes_max": 1000},
    ),
    Case("start_flood", "_start", "flood before it begins", "OUTPUT_TOO_LARGE"),
    Case(
        "alternating", "bytes", "hide a flood in small pieces", "OUTPUT_TOO_LARGE", violations=_CUT
    ),
    Case("alternating", "pages", "hide a flood in the log", "OUTPUT_TOO_LARGE", violations=_CUT),
    Case(
        "alternating",
        "nothing",
        "write nothing for ever",
        "HOST_CALLS_EXCEEDED",
        violations=frozenset({"host_calls"}),
        limits={"host_calls_max": 1000},
    ),
    Case("no_memory", "_start", "write without a memory"),
    Case(
        "false_progress",
        "malformed",
        "pass as reports",
        stderr=(
            b"::progress {\n::progress \n::progress [1]\n"
            b'::progress {"a":\xff}\n::progress {"a":NaN\n'
            b' ::progress {"indented":1}\n::Progress {"a":1}\n'
        ),
    ),
    Case("false_progress", "without_a_line_end", "be lost", stderr=b"", progress=1),
    Case("false_progress", "in_pieces", "be lost", stderr=b"", progress=1),
    Case(
        "false_progress",
        "huge",
        "pass as a report",
        stderr=b'::progress {"a":"' + b"x" * 5000 + b'"}\nend\n',
    ),
    Case(
        "false_progress",
        "deep",
        "break the parser",
        stderr=b'::progress {"a":' + b"[" * 1000 + b"\n",
    ),
    Case("false_progress", "huge_number", "break the parser", stderr=b"", progress=1),
    Case(
        "false_progress",
        "never_ending",
        "be kept in memory for ever",
        "HOST_CALLS_EXCEEDED",
        violations=frozenset({"host_calls"}),
        limits={"host_calls_max": 5000},
    ),
    Case("raised_signals", "_start", "signal anyone", answers=" ".join(["NOTSUP"] * 33)),
)
