"""Compiled code on its way from the platform to its runners: what is signed, and its form.

Compiled code is machine code, and wasmtime does not check what it is given. So the platform signs
which module it was made from and for which engine, and a runner loads nothing else.
"""

import hashlib
import re
from dataclasses import dataclass

CODE_SIGNING_PURPOSE = "code"
"""The vault's name of the key that signs code."""
SIGNATURE_BYTES = 64

_ENGINE_NAME = re.compile(r"wasmtime-[0-9A-Za-z.+-]{1,32}/[0-9a-f]{12}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class CompiledCode:
    """What one engine made of one module."""

    engine: str
    content: bytes


def is_engine_name(text: str) -> bool:
    """Whether this can be the name of an engine: only such names are signed, and become keys."""
    return _ENGINE_NAME.fullmatch(text) is not None


def code_statement(engine: str, module_digest: str, content: bytes) -> bytes:
    """What the platform signs: this code is what this engine made of this module.

    Each part has a form that cannot run into the next, so no two statements have the same bytes.

    Raises:
        ValueError: the engine or the digest is none.
    """
    if not is_engine_name(engine) or _DIGEST.fullmatch(module_digest) is None:
        raise ValueError("compiled code is of an engine and a module digest")
    return "\n".join(
        ("spell-code/1", engine, module_digest, hashlib.sha256(content).hexdigest())
    ).encode()


def join_signed(signature: bytes, content: bytes) -> bytes:
    """Signature and code as they are stored and sent."""
    return signature + content


def split_signed(signed: bytes) -> tuple[bytes, bytes]:
    """Signature and code again; both are short, or empty, when the bytes were cut."""
    return signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
