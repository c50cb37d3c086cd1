"""Compiled code as the platform makes and signs it, and stores of it, for tests."""

import base64
import platform
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import wasmtime
from nacl.signing import SigningKey

from runner.compiling.code_store import CacheSizes, CodeStore
from runner.sandbox.engine import build_engine, engine_name
from runner.sandbox.guest_memory import GuestMemories
from schema.compiled_code import code_statement, join_signed
from schema.limits import MIB

CODE_KEY = SigningKey(b"c" * 32)
CODE_PUBLIC_KEY = base64.b64encode(bytes(CODE_KEY.verify_key)).decode()
SIZES = CacheSizes(disk_bytes_max=64 * MIB, memory_bytes_max=64 * MIB)


def compiled(wasm: bytes) -> bytes:
    """The code that this machine's engine makes of a module."""
    return bytes(wasmtime.Module(build_engine(GuestMemories()), wasm).serialize())


def for_another_processor(content: bytes) -> bytes:
    """Real code whose own description names a processor that this machine is not."""
    machine = platform.machine().encode()
    assert machine in content
    return content.replace(machine, bytes(reversed(machine)))


def signed(digest: str, content: bytes, engine: str = "", key: SigningKey = CODE_KEY) -> bytes:
    """The code as the platform stores and sends it."""
    statement = code_statement(engine or engine_name(), digest, content)
    return join_signed(key.sign(statement).signature, content)


@dataclass
class Bucket:
    """Where the platform's code comes from: what was put in, and what was asked for."""

    code: dict[tuple[str, str], bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def fetch_code(self, engine: str, digest: str) -> bytes | None:
        self.asked.append((engine, digest))
        return self.code.get((engine, digest))


def code_store(
    folder: Path, modules: Callable[[str], Awaitable[bytes]], sizes: CacheSizes = SIZES
) -> CodeStore:
    """A store that compiles all code itself."""
    return CodeStore.open(folder, sizes, modules)
