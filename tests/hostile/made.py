"""Hostile modules that are too large to write by hand, as functions that answer their text.

Each is a bomb for whoever parses, validates or compiles it.
"""

from collections.abc import Callable

_MIB = 1024 * 1024


def _module(*parts: str) -> str:
    return "\n".join(["(module", *parts, ")"])


def many_functions() -> str:
    """Five thousand functions."""
    return _module(*["(func)"] * 5_000, '(func (export "_start"))')


def many_locals() -> str:
    """As many locals as a function may have, all of them used."""
    uses = "".join(f"(local.set {n} (i64.const {n}))" for n in range(0, 50_000, 100))
    return _module(f'(func (export "_start") (local {"i64 " * 50_000}) {uses})')


def too_many_locals() -> str:
    """One local more than a function may have."""
    return _module(f'(func (export "_start") (local {"i64 " * 50_001}))')


def huge_branch_table() -> str:
    """One branch with a hundred thousand targets."""
    return _module(
        '(memory (export "memory") 1)',
        f'(func (export "_start") (block (br_table {"0 " * 100_000} (i32.load (i32.const 0)))))',
    )


def nested_blocks() -> str:
    """Blocks nested twenty thousand deep."""
    depth = 20_000
    return _module(f'(func (export "_start") {"block " * depth} {"end " * depth})')


def many_blocks_with_many_locals() -> str:
    """Values that live across thousands of joins: quadratic work for a careless compiler."""
    names = range(100)
    step = "".join(
        f"(if (local.get {n}) (then (local.set {n} (i32.add (local.get {n}) (local.get 0)))))"
        for n in names
    )
    return _module(f'(func (export "_start") (local {"i32 " * len(names)}) {step * 20})')


def long_function() -> str:
    """One function of a hundred thousand instructions without a branch."""
    steps = "(local.set 0 (i64.mul (local.get 0) (i64.const 7)))" * 33_000
    return _module(f'(func (export "_start") (local i64) {steps})')


def many_data_segments() -> str:
    """Five thousand segments of one byte, which the engine compiles in quadratic time."""
    return _module(
        '(memory (export "memory") 1)',
        *(f'(data (i32.const {n}) "x")' for n in range(5_000)),
        '(func (export "_start"))',
    )


def too_many_data_segments() -> str:
    """More segments than a module may have."""
    segments = ['(data (i32.const 0) "")'] * 100_001
    return _module('(memory (export "memory") 1)', *segments, '(func (export "_start"))')


def huge_data() -> str:
    """Almost the whole module is one segment of 3 MiB."""
    return _module(
        '(memory (export "memory") 48)',
        f'(data (i32.const 0) "{"x" * (3 * _MIB)}")',
        '(func (export "_start"))',
    )


def huge_elements() -> str:
    """A table of a hundred thousand functions, filled when it is instantiated."""
    return _module(
        "(table 100000 funcref)",
        f"(elem (i32.const 0) {'$f ' * 100_000})",
        '(func $f (export "_start"))',
    )


def many_globals() -> str:
    """A hundred thousand globals."""
    return _module(*["(global (mut i64) (i64.const 1))"] * 100_000, '(func (export "_start"))')


def many_exports() -> str:
    """Fifty thousand names for one function."""
    names = "".join(f'(export "{n}")' for n in range(50_000))
    return _module(f'(func (export "_start") {names})')


def many_imports() -> str:
    """The same import, thirty thousand times."""
    line = '(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))'
    return _module(*[line] * 30_000, '(memory (export "memory") 1)', '(func (export "_start"))')


def many_types() -> str:
    """Two thousand different types."""
    kinds = (
        f"(type (func (param {'i32 ' * (n % 100)}) (result {'i64 ' * (n // 100)})))"
        for n in range(2_000)
    )
    return _module(*kinds, '(func (export "_start"))')


def many_tables() -> str:
    """More tables than a run may have."""
    return _module(*["(table 1 funcref)"] * 17, '(func (export "_start"))')


def tables_together() -> str:
    """Sixteen tables, each of the size that one may have."""
    return _module(*["(table 100000 funcref)"] * 16, '(func (export "_start"))')


MADE: dict[str, Callable[[], str]] = {
    make.__name__: make
    for make in (
        many_functions,
        many_locals,
        too_many_locals,
        huge_branch_table,
        nested_blocks,
        many_blocks_with_many_locals,
        long_function,
        many_data_segments,
        too_many_data_segments,
        huge_data,
        huge_elements,
        many_globals,
        many_exports,
        many_imports,
        many_types,
        many_tables,
        tables_together,
    )
}
