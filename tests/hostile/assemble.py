"""Two words that the WebAssembly text of hostile guests may use besides the standard's.

`(prelude)` stands for the imports and helpers of `prelude.wat`; `(text "…")` for the address and
length of these bytes, as two operands, and puts them into the guest's memory.
"""

import re
from pathlib import Path

_PRELUDE = Path(__file__).with_name("prelude.wat")
_TEXTS_AT = 16384
_TEXT = re.compile(r'\(text "((?:[^"\\]|\\.)*)"\)')
_ESCAPED = re.compile(r"\\([0-9a-fA-F]{2}|.)")


def assemble(source: str) -> str:
    """The guest in standard WebAssembly text."""
    source = source.replace("(prelude)", _PRELUDE.read_text("utf-8"))
    segments: list[str] = []
    end = _TEXTS_AT

    def place(found: re.Match[str]) -> str:
        nonlocal end
        at, length = end, _length(found[1])
        end += length
        segments.append(f'(data (i32.const {at}) "{found[1]}")')
        return f"(i32.const {at}) (i32.const {length})"

    source = _TEXT.sub(place, source).rstrip()
    assert source.endswith(")"), "a guest is one module"
    return "\n".join([source[:-1], *segments, ")"])


def _length(text: str) -> int:
    return len(_ESCAPED.sub("x", text).encode("utf-8"))
