"""Packages for end-to-end tests: tiny modules, and manifests with what a test wants in them."""

from collections.abc import Mapping
from typing import Any

import wasmtime

from schema.canonical import canonical_json
from schema.package import build_package
from schema.packaging.tar_header import END, header_of, padding_of
from tests.support.bills import with_bill

ANYTHING: dict[str, Any] = {"input": {}, "output": {}}
FLAT = {"model": "flat", "currency": "USD", "price_micros": 500}
FREE = {"model": "free"}
METERED = {
    "model": "metered",
    "currency": "USD",
    "base_micros": 100,
    "unit_micros": {"fuel_million": 7, "compute_ms": 3, "egress_mb": 1000},
}
# The smallest limits: a spell that a test breaks should break soon.
RUNTIME = {"timeout_ms": 2000, "max_memory_mb": 4, "max_output_mb": 1, "fuel": 100_000_000}


def says(output: bytes = b"{}", error: bytes = b"", exit_code: int = 0) -> bytes:
    """A module that writes to stdout and stderr, whatever it is asked, and exits."""
    at_error = 64 + len(output)
    pages = 1 + (at_error + len(error)) // 65536
    return bytes(
        wasmtime.wat2wasm(f"""(module
          (import "wasi_snapshot_preview1" "fd_write"
            (func $fd_write (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") {pages})
          (data (i32.const 64) "{_escaped(output)}")
          (data (i32.const {at_error}) "{_escaped(error)}")
          (func $write (param $descriptor i32) (param $at i32) (param $length i32)
            (i32.store (i32.const 0) (local.get $at))
            (i32.store (i32.const 4) (local.get $length))
            (if (call $fd_write (local.get $descriptor) (i32.const 0) (i32.const 1) (i32.const 8))
              (then unreachable)))
          (func (export "_start")
            (call $write (i32.const 2) (i32.const {at_error}) (i32.const {len(error)}))
            (call $write (i32.const 1) (i32.const 64) (i32.const {len(output)}))
            (call $exit (i32.const {exit_code}))))""")
    )


def wasm(text: str) -> bytes:
    """The binary of WebAssembly text."""
    return bytes(wasmtime.wat2wasm(text))


def manifest(key: str, **changes: Any) -> bytes:
    """A manifest.toml; `changes` name members of [spell] and [runtime], `pricing` and `policy`."""
    spell = {
        "key": key,
        "name": changes.pop("name", "For a test"),
        "version": changes.pop("version", "1.0.0"),
        "description": changes.pop("description", "Made by the end-to-end tests."),
        "author": "Tests",
        "license": "Apache-2.0",
        "visibility": changes.pop("visibility", "public"),
    }
    pricing = dict(changes.pop("pricing", FLAT))
    units = pricing.pop("unit_micros", {})
    policy = changes.pop("policy", {})
    runtime = {"language": "wat", "target": "wasm32-wasip1", **RUNTIME, **changes}
    sections = {
        "spell": spell,
        "execution": {"mode": "service"},
        "runtime": runtime,
        "runtime.policy": policy,
        "pricing": pricing,
        "pricing.unit_micros": units,
    }
    return toml(sections)


def toml(sections: Mapping[str, Mapping[str, Any]]) -> bytes:
    """A manifest.toml of these sections; empty ones are left out."""
    text = "manifest_version = 1\n"
    for name, members in sections.items():
        if members:
            lines = (f"{member} = {_toml(value)}\n" for member, value in members.items())
            text += f"\n[{name}]\n{''.join(lines)}"
    return text.encode()


def package(
    key: str, module: bytes, schemas: dict[str, Any] | None = None, **changes: Any
) -> bytes:
    """A canonical archive of manifest, module, schemas, and a bill that lists them."""
    return build_package(with_bill(files_of(key, module, schemas, **changes)))


def files_of(
    key: str, module: bytes, schemas: dict[str, Any] | None = None, **changes: Any
) -> dict[str, bytes]:
    """The files of a package, without a bill of materials: `with_bill` adds one."""
    return {
        "manifest.toml": manifest(key, **changes),
        "spell.wasm": module,
        "schema.json": canonical_json(ANYTHING if schemas is None else schemas),
    }


def archive(entries: list[tuple[bytes, bytes]]) -> bytes:
    """The entries as they are, in a tar that has the canonical form but obeys no other rule."""
    content = b"".join(
        header_of(name, len(body)) + body + bytes(padding_of(len(body))) for name, body in entries
    )
    return content + END


def unchecked_package(files: dict[str, bytes]) -> bytes:
    """The files in the right order, whatever is in them."""
    return archive(sorted((name.encode(), body) for name, body in files.items()))


def _escaped(content: bytes) -> str:
    return "".join(f"\\{byte:02x}" for byte in content)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value)
