"""A platform of its own for chaos, with a spell that takes long enough to be killed in."""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.e2e import WholePlatform, whole_platform
from tests.support.e2e_packages import FLAT, package, wasm

# Naps for a second and a half, then answers.
_NAPPING = """(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 256) "{\\"ok\\":true}")
  (func (export "_start")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 1500000000))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
    (i32.store (i32.const 0) (i32.const 256))
    (i32.store (i32.const 4) (i32.const 11))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""
NAP = "com.example.chaos.nap"
# The same, but it could have asked the network for something that must not be asked for twice.
CALL = "com.example.chaos.call"


@pytest.fixture(scope="session")
async def platform() -> AsyncIterator[WholePlatform]:
    with TemporaryDirectory(prefix="spell-chaos-") as folder:
        async with whole_platform(Path(folder) / "data") as started:
            maker, module = await started.maker(), wasm(_NAPPING)
            # A deterministic guest does not wait: it moves its clock.
            options: dict[str, Any] = {
                "pricing": FLAT,
                "timeout_ms": 20_000,
                "deterministic": False,
            }
            await maker.publish(package(NAP, module, **options))
            await maker.publish(package(CALL, module, **options))
            await grant_network(started, CALL)
            yield started


async def grant_network(platform: WholePlatform, spell: str) -> None:
    """Record another version that may use the network, whatever manifests may ask for."""
    async with platform.database.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO spell_versions (spell_key, version, package_digest, module_digest,"
                " module_bytes, target, entry, mode, manifest, schemas, limits, policy, price,"
                " state) SELECT spell_key, '1.1.0', package_digest, module_digest, module_bytes,"
                " target, entry, mode, manifest, schemas, limits,"
                " policy || CAST(:granted AS jsonb), price, state"
                " FROM spell_versions WHERE spell_key = :spell"
            ),
            {"granted": '{"net_allow": ["example.com"]}', "spell": spell},
        )
