"""Packages that cannot be published: each says what is wrong where, and leaves no version."""

import gzip
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from schema.limits import MODULE_BYTES_MAX, PACKAGE_BYTES_MAX
from schema.packaging.tar_header import TYPE, header_of
from tests.modules.guests import guest
from tests.support.e2e import TAR, Caster, Json, fresh_spell, problem
from tests.support.e2e_packages import archive, files_of, package, says, unchecked_package, wasm

WAT = b'(module (func (export "_start")))'


async def _refused(caster: Caster, content: bytes, code: str) -> Json:
    refused = problem(await caster.upload(content), 422, code)
    found = (await caster.get("/v1/spells", params={"limit": 100})).json()["items"]
    assert refused["message"]
    assert all(not item["key"].startswith("com.refused.") for item in found)
    return refused


def _whole(**changes: Any) -> bytes:
    return package("com.refused.whole", guest("echo"), **changes)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: b"", "cut off"),
        (lambda: bytes(1024), "manifest.toml"),
        (lambda: b"hello", "cut off"),
        (lambda: gzip.compress(_whole()), "gzip"),
        (lambda: b"PK\x03\x04" + _whole(), "zip"),
        (lambda: guest("echo"), "WebAssembly"),
        (lambda: _whole()[:-512], "cut off"),
        (lambda: _whole()[:700], "cut off"),
        (lambda: _whole() + bytes(512), "zero bytes too many"),
        (lambda: _whole() + b"more", "goes on"),
        (lambda: _whole().replace(b"0000644", b"0000755", 1), "checksum"),
    ],
    ids=[
        "empty",
        "no entries",
        "no tar",
        "gzip",
        "zip",
        "module",
        "end missing",
        "truncated",
        "zeros",
        "tail",
        "changed",
    ],
)
async def test_bytes_that_are_no_canonical_archive_are_refused(
    caster: Caster, content: Callable[[], bytes], words: str
) -> None:
    assert words in (await _refused(caster, content(), "PACKAGE_INVALID"))["message"]


@pytest.mark.parametrize(
    "name",
    [
        b"/etc/passwd",
        b"../spell.wasm",
        b"resources/../../x",
        b"resources/./x",
        b"resources//x",
        b"resources/",
        b"resources/a\\b",
        b"C:\\x",
        b"resources/.hidden",
        b"resources/\xff",
        b"resources/\xe2\x80\xaegnp.exe",
        b"resources/e\xcc\x81",
        b"resources/\x1b[31m",
        b"src/main.c",
        b"SIGNATURE.sigstore",
        b"Spell.wasm",
    ],
)
async def test_an_entry_with_an_evil_name_is_named(caster: Caster, name: bytes) -> None:
    entries = sorted([*_entries(), (name, b"")])
    details = (await _refused(caster, archive(entries), "PACKAGE_INVALID"))["details"]
    assert details["entry"] in (
        name.decode("utf-8", "backslashreplace"),
        name.decode("utf-8", "replace").encode("unicode_escape").decode(),
    )
    assert isinstance(details["offset"], int)


@pytest.mark.parametrize(
    ("kind", "word"), [(b"1", "hard link"), (b"2", "symbolic"), (b"5", "folder"), (b"x", "pax")]
)
async def test_an_entry_that_is_no_plain_file_is_named(
    caster: Caster, kind: bytes, word: str
) -> None:
    header = bytearray(header_of(b"resources/x", 0))
    header[TYPE.start : TYPE.start + 1] = kind
    checksum = sum(header[:148]) + 8 * 32 + sum(header[156:])
    header[148:156] = b"%06o\0 " % checksum
    refused = await _refused(caster, bytes(header) + archive([]), "PACKAGE_INVALID")
    assert word in refused["message"]
    assert refused["details"] == {"entry": "resources/x", "offset": 0}


async def test_entries_out_of_order_or_twice_are_named(caster: Caster) -> None:
    upside_down = archive(list(reversed(_entries())))
    refused = await _refused(caster, upside_down, "PACKAGE_INVALID")
    assert refused["details"]["entry"] == "schema.json"
    twice = archive([entry for entry in _entries() for _ in range(2)])
    refused = await _refused(caster, twice, "PACKAGE_INVALID")
    assert refused["details"]["entry"] == "manifest.toml"
    assert "twice" in refused["message"]


@pytest.mark.parametrize("missing", ["manifest.toml", "spell.wasm", "schema.json"])
async def test_a_missing_file_is_named(caster: Caster, missing: str) -> None:
    files = files_of("com.refused.missing", guest("echo"))
    del files[missing]
    refused = await _refused(caster, unchecked_package(files), "PACKAGE_INVALID")
    assert refused["details"]["entry"] == missing


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        (b'mode = "service"', b"mode = service", 13, ""),
        (b'key = "', b'key = "No Key ', 4, "spell.key"),
        (b'version = "1.0.0"', b'version = "1.0"', 6, "spell.version"),
        (b'license = "Apache-2.0"', b'licence = "Apache-2.0"', 9, "spell.licence"),
        (b"fuel = 100000000", b"fuel = 0", 21, "runtime.fuel"),
        (b"timeout_ms = 2000", b'timeout_ms = "2s"', 18, "runtime.timeout_ms"),
        (b"max_memory_mb = 4", b"max_memory_mb = 4096", 19, "runtime.max_memory_mb"),
        (b'target = "wasm32-wasip1"', b'target = "wasm64"', 17, "runtime.target"),
        (b"price_micros = 500", b"price_micros = -1", 26, "pricing.price_micros"),
        (b'model = "flat"', b'model = "guess"', 24, "pricing.model"),
        (b"manifest_version = 1", b"manifest_version = 2", 1, "manifest_version"),
    ],
)
async def test_an_error_in_the_manifest_has_its_line_and_field(
    caster: Caster, old: bytes, new: bytes, line: int, field: str
) -> None:
    files = files_of("com.refused.manifest", guest("echo"))
    assert old in files["manifest.toml"]
    files["manifest.toml"] = files["manifest.toml"].replace(old, new)
    refused = await _refused(caster, unchecked_package(files), "MANIFEST_INVALID")
    places = [(error["line"], error["field"]) for error in refused["details"]["errors"]]
    assert (line, field) in places, refused["details"]


@pytest.mark.parametrize(
    ("member", "entries"),
    [
        ("net_allow", ["169.254.169.254"]),
        ("env_vars", ["TO-KEN"]),
        ("fs_read", ["/etc"]),
        ("fs_read", ["resources/../spell.wasm/"]),
        ("fs_write", ["/tmp"]),
    ],
)
async def test_a_permission_that_nobody_can_have_is_refused_at_publish(
    caster: Caster, member: str, entries: list[str]
) -> None:
    files = files_of("com.refused.policy", guest("echo"), policy={member: entries})
    refused = await _refused(caster, unchecked_package(files), "MANIFEST_INVALID")
    (error,) = refused["details"]["errors"]
    assert error["field"] == f"runtime.policy.{member}[0]"
    assert error["line"]


@pytest.mark.parametrize("entry", ["resources", "resources/absent", "resources/a/../../spell.wasm"])
async def test_a_resource_that_is_not_in_the_package_is_refused_by_its_name(
    caster: Caster, entry: str
) -> None:
    files = files_of("com.refused.policy", guest("echo"), policy={"fs_read": [entry]})
    refused = await _refused(caster, unchecked_package(files), "PACKAGE_INVALID")
    assert refused["details"]["entry"] == entry


async def test_files_for_a_component_are_refused_at_publish(caster: Caster) -> None:
    files = files_of(
        "com.refused.policy",
        guest("echo"),
        target="wasm32-wasip2",
        policy={"fs_write": ["scratch"]},
    )
    refused = await _refused(caster, unchecked_package(files), "MANIFEST_INVALID")
    fields = {error["field"] for error in refused["details"]["errors"]}
    assert "runtime.policy.fs_write" in fields


@pytest.mark.parametrize(
    ("schemas", "path"),
    [
        ({"input": {}}, ""),
        ({"input": {}, "output": True}, "/output"),
        ({"input": {"type": "thing"}, "output": {}}, "/input/type"),
        ({"input": {"$ref": "https://example.com/x.json"}, "output": {}}, "/input/$ref"),
        ({"input": {}, "output": {"$ref": "file:///etc/passwd"}}, "/output/$ref"),
        ({"input": {"pattern": "(a)\\1"}, "output": {}}, "/input/pattern"),
        ({"input": {}, "output": {}, "extra": {}}, "/extra"),
        ({"input": {"$ref": "#/$defs/none"}, "output": {}}, "/input"),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_schemas_that_cannot_be_used_are_refused_with_the_place(
    caster: Caster, schemas: dict[str, Any], path: str
) -> None:
    content = package("com.refused.schema", guest("echo"), schemas)
    errors = (await _refused(caster, content, "SCHEMA_INVALID"))["details"]["errors"]
    assert errors[0]["path"].startswith(path)


async def test_a_schema_that_is_no_json_is_refused(caster: Caster) -> None:
    files = files_of("com.refused.schema", guest("echo"))
    files["schema.json"] = b'{"input": {}, "input": {}, "output": {}}'
    refused = await _refused(caster, unchecked_package(files), "SCHEMA_INVALID")
    assert "twice" in refused["details"]["errors"][0]["message"]


def _imports(text: str) -> bytes:
    return wasm(
        f'(module (import {text} (func)) (memory (export "memory") 1)(func (export "_start")))'
    )


@pytest.mark.parametrize(
    ("module", "entry", "words"),
    [
        (lambda: WAT, "_start", "not a WebAssembly module in binary form"),
        (lambda: b"", "_start", "not a WebAssembly module in binary form"),
        (lambda: b"\x7fELF" + bytes(60), "_start", "not a WebAssembly module"),
        (lambda: guest("echo")[:-5], "_start", "not valid"),
        (lambda: guest("echo") + b"\x0b\xff", "_start", "not valid"),
        (lambda: _imports('"env" "system"'), "_start", "env.system"),
        (lambda: _imports('"wasi_snapshot_preview1" "sock_shutdown"'), "_start", "import"),
        (lambda: _imports('"wasi_snapshot_preview1" "no_such"'), "_start", "import"),
        (lambda: guest("echo"), "main", "exports no 'main'"),
        (lambda: guest("echo"), "memory", "not a function"),
        (lambda: guest("entries"), "wants_a_number", "takes parameters"),
        (lambda: guest("memory_minimum"), "_start", "memory begins with 8388608"),
        (lambda: guest("no_memory"), "_start", "memory"),
    ],
    ids=[
        "wat",
        "empty",
        "elf",
        "truncated",
        "tail",
        "unknown module",
        "wrong signature",
        "unknown import",
        "no entry",
        "entry is no function",
        "entry takes parameters",
        "memory minimum",
        "no memory",
    ],
)
async def test_a_module_that_the_runner_would_not_run_is_refused_at_publish(
    caster: Caster, module: Callable[[], bytes], entry: str, words: str
) -> None:
    content = package("com.refused.module", module(), entry=entry)
    assert words in (await _refused(caster, content, "MODULE_INVALID"))["message"]


async def test_a_module_above_its_limit_is_refused(caster: Caster) -> None:
    files = files_of("com.refused.large", bytes(MODULE_BYTES_MAX + 1))
    refused = await _refused(caster, unchecked_package(files), "PACKAGE_INVALID")
    assert refused["details"]["entry"] == "spell.wasm"
    assert str(MODULE_BYTES_MAX) in refused["message"]


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
async def test_a_package_above_its_limit_is_refused(caster: Caster, *, chunked: bool) -> None:
    content = _zeros(PACKAGE_BYTES_MAX + 1) if chunked else bytes(PACKAGE_BYTES_MAX + 1)
    answer = await caster.post("/v1/spells", content=content, headers=TAR)
    refused = problem(answer, 413, "PAYLOAD_TOO_LARGE")
    assert refused["details"] == {"limit_bytes": PACKAGE_BYTES_MAX}


async def test_a_package_is_sent_as_a_form_or_as_a_tar(caster: Caster) -> None:
    answer = await caster.post("/v1/spells", content=_whole(), headers={"Content-Type": "a/b"})
    refused = problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert refused["details"] == {"accepts": "multipart/form-data, application/x-tar"}


async def test_a_version_with_other_content_is_a_conflict(caster: Caster) -> None:
    key = fresh_spell()
    first = await caster.publish(package(key, says(b"1")))
    answer = await caster.upload(package(key, says(b"2")))
    details = problem(answer, 409, "VERSION_EXISTS")["details"]
    assert details["package_digest"] == first.package_digest
    assert (await caster.ended(key))["result"] == 1


async def test_another_makers_key_is_refused(caster: Caster, stranger: Caster) -> None:
    key = fresh_spell()
    await caster.publish(package(key, says(b"1")))
    answer = await stranger.upload(package(key, says(b"2"), version="6.6.6"))
    problem(answer, 403, "FORBIDDEN")
    same = await stranger.upload(package(key, says(b"1")))
    problem(same, 403, "FORBIDDEN")
    assert (await caster.get(f"/v1/spells/{key}")).json()["version"] == "1.0.0"


def _entries() -> list[tuple[bytes, bytes]]:
    files = files_of("com.refused.entries", guest("echo"))
    return sorted((name.encode(), content) for name, content in files.items())


async def _zeros(size: int) -> AsyncIterator[bytes]:
    piece = bytes(256 * 1024)
    for start in range(0, size, len(piece)):
        yield piece[: size - start]
