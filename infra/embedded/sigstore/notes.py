"""Checkpoints: what a log says about itself, as signed notes (C2SP `tlog-checkpoint`)."""

import base64


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """The text that is signed."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode('ascii')}\n"


def signed_note(text: str, name: str, key_hint: bytes, signature: bytes) -> str:
    """The text with its one signature line.

    Args:
        text: ends with a newline.
        name: the signer's, without blanks.
        key_hint: the first four bytes of the key's id.
        signature: over the text.
    """
    line = base64.b64encode(key_hint + signature).decode("ascii")
    return f"{text}\n\N{EM DASH} {name} {line}\n"
