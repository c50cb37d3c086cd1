"""Guests that want more memory or tables than there are, and bombs for the compiler."""

from schema.limits import MIB
from tests.hostile.case import Case

_LIMIT = {"memory_bytes_max": 4 * MIB}
_DENIED = frozenset({"memory_denied"})
_BOMBS_THAT_RUN = (
    "many_functions",
    "many_locals",
    "nested_blocks",
    "many_blocks_with_many_locals",
    "long_function",
    "many_data_segments",
    "huge_data",
    "huge_elements",
    "many_globals",
    "many_exports",
    "many_imports",
    "many_types",
)

CASES = (
    *(
        Case(
            "memory",
            entry,
            "get more memory than its limit",
            "MEMORY_EXCEEDED",
            details=_LIMIT,
            violations=_DENIED,
        )
        for entry in ("grow_by_steps", "grow_at_once", "grow_and_say_no")
    ),
    Case("memory", "grow_to_the_limit", "be denied what it is allowed"),
    Case("memory", "grow_and_do_without", "be ended for asking", violations=_DENIED),
    Case("memory", "grow_over_its_own_maximum", "be ended for asking"),
    *(
        Case(
            module,
            "_start",
            "get more memory than its limit to begin with",
            "MEMORY_EXCEEDED",
            details=_LIMIT,
            violations=_DENIED,
        )
        for module in ("memory_minimum", "four_gigabytes", "start_memory")
    ),
    Case("hidden_memory", "_start", "hide memory from the meter"),
    Case("touched_pages", "_start", "take pages that are not there", violations=_DENIED),
    Case(
        "endless_growth",
        "by_pages",
        "ask for ever",
        "FUEL_EXHAUSTED",
        violations=_DENIED,
        limits={"fuel": 100_000},
    ),
    Case(
        "endless_growth",
        "by_everything",
        "ask for ever",
        "FUEL_EXHAUSTED",
        limits={"fuel": 100_000},
    ),
    Case(
        "grown_in_a_call",
        "_start",
        "have the host write beside its memory",
        answers="SUCCESS SUCCESS FAULT SUCCESS FAULT",
    ),
    Case("tables", "_start", "grow its table for ever", "SPELL_TRAPPED"),
    Case("table_at_once", "functions", "get a table over the limit"),
    Case("table_at_once", "references", "get a table over the limit"),
    Case("table_at_once", "all_there_is", "be denied what it is allowed"),
    *(
        Case(module, "_start", "begin with more tables than the limit", "SPELL_TRAPPED")
        for module in ("table_minimum", "many_tables")
    ),
    *(Case(name, "_start", "cost more than its size to compile") for name in _BOMBS_THAT_RUN),
)
