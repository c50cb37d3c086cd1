"""Strangers' words on a terminal: shown, never obeyed.

Names, notes, logs, results and errors are somebody else's. What a terminal would take as a command
(its colours, its title, a cursor that goes back over what was said) is written out instead.
"""

_TAKEN_AS_THEY_ARE = "\n\t"
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
# They turn the direction of what follows: a name can read as another.
_DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_WRITTEN_OUT = {
    code: chr(code).encode("unicode_escape").decode("ascii")
    for code in (*_CONTROLS, *_DIRECTIONS)
    if chr(code) not in _TAKEN_AS_THEY_ARE
}


def plain(text: str) -> str:
    r"""The text with every control character written out, such as `\x1b`; lines stay lines."""
    return text.replace("\r\n", "\n").translate(_WRITTEN_OUT)
