"""Guests that never end, go too deep, or trap."""

from tests.hostile.case import Case

_SOON = {"fuel": 10**12, "timeout_ms": 100}
_LITTLE_FUEL = {"fuel": 100_000}

_ENDLESS = (
    ("time", "loop_for_ever"),
    ("time", "call_for_ever"),
    ("loops", "by_branch_table"),
    ("loops", "while_storing"),
    ("loops", "around_indirect_calls"),
    ("loops", "by_tail_call"),
    ("loops", "by_mutual_tail_calls"),
    ("loops", "by_indirect_tail_call"),
    ("start_loop", "_start"),
    ("endless_growth", "by_nothing"),
)
_LONG_STEPS = ("memory_fill", "memory_copy", "table_fill", "table_copy")
_TOO_DEEP = (
    ("recursion", "_start"),
    ("start_recursion", "_start"),
    ("deep_recursion", "mutual"),
    ("deep_recursion", "through_a_table"),
    ("deep_recursion", "with_large_frames"),
    ("deep_recursion", "with_results"),
    ("call_at_the_edge", "_start"),
)
_TRAPS = {
    ("traps", "unreachable"): "unreachable",
    ("traps", "integer_division_by_zero"): "integer_division_by_zero",
    ("traps", "integer_overflow"): "integer_overflow",
    ("traps", "bad_conversion_to_integer"): "bad_conversion_to_integer",
    ("traps", "memory_out_of_bounds"): "memory_out_of_bounds",
    ("traps", "table_out_of_bounds"): "table_out_of_bounds",
    ("traps", "indirect_call_to_null"): "indirect_call_to_null",
    ("traps", "bad_signature"): "bad_signature",
    ("start_trap", "_start"): "unreachable",
    ("data_past_memory", "_start"): "memory_out_of_bounds",
    ("memory", "read_behind_what_was_grown"): "memory_out_of_bounds",
    ("memory", "read_as_far_as_can_be"): "memory_out_of_bounds",
    ("more_traps", "remainder_by_zero"): "integer_division_by_zero",
    ("more_traps", "division_of_64_bits_by_zero"): "integer_division_by_zero",
    ("more_traps", "overflow_of_64_bits"): "integer_overflow",
    ("more_traps", "infinity_to_integer"): "integer_overflow",
    ("more_traps", "large_float_to_integer"): "integer_overflow",
    ("more_traps", "nan_to_integer"): "bad_conversion_to_integer",
    ("more_traps", "store_past_the_end"): "memory_out_of_bounds",
    ("more_traps", "store_at_minus_one"): "memory_out_of_bounds",
    ("more_traps", "fill_past_the_end"): "memory_out_of_bounds",
    ("more_traps", "fill_of_overflowing_length"): "memory_out_of_bounds",
    ("more_traps", "copy_from_past_the_end"): "memory_out_of_bounds",
    ("more_traps", "vector_past_the_end"): "memory_out_of_bounds",
    ("more_traps", "vector_lane_past_the_end"): "memory_out_of_bounds",
    ("more_traps", "table_get_past_the_end"): "table_out_of_bounds",
    ("more_traps", "table_set_past_the_end"): "table_out_of_bounds",
    ("more_traps", "table_fill_past_the_end"): "table_out_of_bounds",
    ("more_traps", "table_copy_past_the_end"): "table_out_of_bounds",
    ("more_traps", "call_of_an_empty_element"): "indirect_call_to_null",
    ("more_traps", "call_far_outside"): "table_out_of_bounds",
    ("segments", "data_beyond_its_end"): "memory_out_of_bounds",
    ("segments", "data_after_its_drop"): "memory_out_of_bounds",
    ("segments", "data_of_overflowing_length"): "memory_out_of_bounds",
    ("segments", "elements_beyond_their_end"): "table_out_of_bounds",
    ("segments", "elements_after_their_drop"): "table_out_of_bounds",
}

# Each is an export of traps.wat of the same name.
NAMED_TRAPS = tuple(trap for (module, _), trap in _TRAPS.items() if module == "traps")

CASES = (
    *(
        Case(module, entry, "run on without fuel", "FUEL_EXHAUSTED", limits=_LITTLE_FUEL)
        for module, entry in _ENDLESS
    ),
    *(
        Case(module, entry, "run on after its time", "TIME_EXCEEDED", limits=_SOON)
        for module, entry in _ENDLESS
    ),
    *(
        Case("bulk_copies", entry, "hide time in cheap steps", "TIME_EXCEEDED", limits=_SOON)
        for entry in _LONG_STEPS
    ),
    *(Case(module, entry, "leave its stack", "STACK_EXHAUSTED") for module, entry in _TOO_DEEP),
    *(
        Case(module, entry, "go on after a trap", "SPELL_TRAPPED", details={"trap": trap})
        for (module, entry), trap in _TRAPS.items()
    ),
    Case("segments", "nothing_at_the_end", "trap on nothing"),
    Case(
        "start_exit",
        "_start",
        "reach its entry point after its end",
        "SPELL_FAILED",
        details={"exit_code": 7},
    ),
    Case(
        "start_reenters",
        "_start",
        "be kept from calling itself, nor see the state of another instance",
        answers="1 2 3",
    ),
)
