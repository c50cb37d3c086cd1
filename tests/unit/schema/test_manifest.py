"""manifest.toml: what is accepted, and each refusal with its line."""

import re

import pytest

from schema.contracts.plans import Mode
from schema.errors import SpellError
from schema.limits import MANIFEST_BYTES_MAX, MIB
from schema.manifest import Manifest, parse_manifest, unsupported_features
from schema.packaging.manifest_sections import Visibility
from schema.pricing import FlatPrice, MeteredPrice, OneTimePrice

SERVICE = """\
manifest_version = 1

[spell]
key = "com.acme.resize"
name = "Resize"
version = "1.2.3"
description = "Makes pictures smaller."
author = "Acme"
license = "Apache-2.0 OR (MIT AND BSD-2-Clause)"
homepage = "https://acme.example/resize?x=1"

[execution]
mode = "service"

[runtime]
entry = "_start"
language = "C"
target = "wasm32-wasip1"
timeout_ms = 5000
max_memory_mb = 64
max_output_mb = 2
fuel = 1_000_000

[io]
input = "application/json"
output = "application/json"
schema = "schema.json"

[pricing]
model = "metered"
currency = "USD"
base_micros = 10

[pricing.unit_micros]
fuel_million = 3

[supply_chain]
sbom = "sbom.cdx.json"

[metadata]
tags = ["image", "resize"]
category = "media"
"""

WORKFLOW = (
    SERVICE[: SERVICE.index("[execution]")]
    + """\
[execution]
mode = "workflow"
[execution.workflow]
repo = "acme/builds"
workflow = "run.yml"
ref = "refs/tags/v1"
dispatch = "workflow_dispatch"
timeout_ms = 60_000
[pricing]
model = "flat"
currency = "EUR"
price_micros = 5
"""
)

CLONE = (
    SERVICE[: SERVICE.index("[execution]")]
    + """\
[execution]
mode = "clone"
[execution.clone]
template_repo = "acme/template"
license_url = "https://acme.example/license"
[pricing]
model = "one_time"
currency = "USD"
price_micros = 25_000_000
"""
)


def parse(text: str) -> Manifest:
    return parse_manifest(text.encode())


def errors_of(text: str | bytes) -> list[tuple[int | None, str, str]]:
    with pytest.raises(SpellError) as caught:
        parse_manifest(text if isinstance(text, bytes) else text.encode())
    assert caught.value.code == "MANIFEST_INVALID"
    return [(e["line"], e["field"], e["message"]) for e in caught.value.details["errors"]]


def changed(row: str, to: str, text: str = SERVICE) -> str:
    """The manifest with one row (given by its start) replaced."""
    result, count = re.subn(rf"(?m)^{re.escape(row)}.*$", lambda _: to, text, count=1)
    assert count == 1
    return result


def line_with(text: str, row: str) -> int:
    return next(n for n, line in enumerate(text.split("\n"), 1) if line.startswith(row))


def test_a_service_manifest_says_how_it_runs_and_what_it_costs() -> None:
    manifest = parse(SERVICE)
    assert manifest.execution.mode is Mode.SERVICE
    limits = manifest.run_limits()
    assert (limits.fuel, limits.timeout_ms) == (1_000_000, 5_000)
    assert (limits.memory_bytes_max, limits.output_bytes_max) == (64 * MIB, 2 * MIB)
    assert isinstance(manifest.price(), MeteredPrice)
    assert manifest.metadata.tags == ["image", "resize"]
    assert manifest.spell.visibility is Visibility.PUBLIC
    assert unsupported_features(manifest, SERVICE.encode(), [Mode.SERVICE]) == []


def test_optional_sections_have_defaults() -> None:
    text = SERVICE[: SERVICE.index("[io]")] + '[pricing]\nmodel = "free"\n'
    manifest = parse(text)
    assert manifest.io.schema_file == "schema.json"
    assert manifest.supply_chain.sbom is None
    assert manifest.runtime is not None
    assert manifest.runtime.policy.net_allow == []


def test_a_workflow_manifest_is_read_and_has_to_be_granted() -> None:
    manifest = parse(WORKFLOW)
    assert isinstance(manifest.price(), FlatPrice)
    with pytest.raises(ValueError, match="without mode service"):
        manifest.run_limits()
    (error,) = unsupported_features(manifest, WORKFLOW.encode(), [Mode.SERVICE])
    assert error["field"] == "execution.workflow"
    assert error["line"] == line_with(WORKFLOW, "[execution.workflow]")


def test_a_clone_manifest_is_read_and_has_to_be_granted() -> None:
    manifest = parse(CLONE)
    assert isinstance(manifest.price(), OneTimePrice)
    assert len(unsupported_features(manifest, CLONE.encode(), [Mode.SERVICE])) == 1


PERMISSIONS = (
    '[runtime.policy]\nfs_read = ["resources"]\nfs_write = ["scratch"]\n'
    'net_allow = ["api.example.com", "*.example.org"]\nenv_vars = ["TOKEN"]\n[io]'
)


def test_each_permission_of_the_policy_is_granted_to_a_core_module() -> None:
    text = SERVICE.replace("[io]", PERMISSIONS)
    manifest = parse(text)
    assert unsupported_features(manifest, text.encode(), [Mode.SERVICE]) == []
    policy = manifest.run_policy()
    assert policy.fs_read == ["resources"]
    assert policy.scratch
    assert policy.net_allow == ["api.example.com", "*.example.org"]
    assert policy.env_vars == ["TOKEN"]
    assert policy.resources_digest is None


COMPONENT = SERVICE.replace("wasm32-wasip1", "wasm32-wasip2").replace('"_start"', '"cast"')


@pytest.mark.parametrize("entry", ["cast", "make-it", "wasi:cli/run"])
def test_a_component_names_what_a_cast_calls(entry: str) -> None:
    manifest = parse(COMPONENT.replace('"cast"', f'"{entry}"'))
    assert manifest.runtime is not None
    assert (manifest.runtime.entry, manifest.runtime.target) == (entry, "wasm32-wasip2")
    assert unsupported_features(manifest, COMPONENT.encode(), [Mode.SERVICE]) == []


def test_a_component_cannot_have_the_entry_of_core_modules() -> None:
    for text in (COMPONENT.replace('"cast"', '"_start"'), COMPONENT.replace('entry = "cast"', "")):
        ((_, field, message),) = errors_of(text)
        assert field == "runtime.entry"
        assert "such as cast, or wasi:cli/run" in message


@pytest.mark.parametrize(
    "member", ['fs_read = ["resources"]', 'fs_write = ["scratch"]', 'net_allow = ["example.com"]']
)
def test_a_component_has_no_files_and_no_network(member: str) -> None:
    ((_, field, message),) = errors_of(
        COMPONENT.replace("[io]", f"[runtime.policy]\n{member}\n\n[io]")
    )
    assert field == f"runtime.policy.{member.split(maxsplit=1)[0]}"
    assert "goes only with target wasm32-wasip1" in message


def test_what_is_not_asked_for_is_not_granted() -> None:
    """The limits on scratch and network are nothing without their permission."""
    text = changed("fuel", "fuel = 1\nmax_scratch_mb = 8\nmax_net_requests = 5\nmax_net_mb = 2")
    limits, policy = parse(text).run_limits(), parse(text).run_policy()
    assert (limits.scratch_bytes_max, limits.net_requests_max, limits.net_bytes_max) == (0, 0, 0)
    assert policy.deterministic
    assert (policy.scratch, policy.net_allow, policy.env_vars, policy.fs_read) == (
        False,
        [],
        [],
        [],
    )
    granted = parse(text.replace("[io]", PERMISSIONS)).run_limits()
    assert granted.scratch_bytes_max == 8 * MIB
    assert (granted.net_requests_max, granted.net_bytes_max) == (5, 2 * MIB)


def test_processor_time_that_is_not_below_the_wall_time_bounds_nothing() -> None:
    assert parse(SERVICE).run_limits().cpu_ms_max == 5_000
    assert parse(changed("fuel", "fuel = 1\nmax_cpu_ms = 400")).run_limits().cpu_ms_max == 400
    assert parse(changed("fuel", "fuel = 1\nmax_cpu_ms = 6_000")).run_limits().cpu_ms_max == 5_000


@pytest.mark.parametrize(
    ("rows", "policy", "field"),
    [
        ("deterministic = true", 'net_allow = ["a.example"]', "runtime.deterministic"),
        ("retry_safe = true", "", "runtime.retry_safe"),
    ],
)
def test_what_the_network_makes_impossible_is_refused(rows: str, policy: str, field: str) -> None:
    text = changed("fuel", f"fuel = 1\n{rows}").replace("[io]", f"[runtime.policy]\n{policy}\n[io]")
    ((line, found, _),) = errors_of(text)
    assert (line, found) == (line_with(text, rows), field)


@pytest.mark.parametrize(
    "entry",
    ["", "resource", "/resources", "resources/", "resources//a", "resources/a/", "spell.wasm",
     "../resources", "resources/a\\nb"],
)  # fmt: skip
def test_a_path_that_is_not_among_the_resources_is_refused(entry: str) -> None:
    text = SERVICE.replace("[io]", f'[runtime.policy]\nfs_read = [\n  "{entry}",\n]\n[io]')
    ((line, field, message),) = errors_of(text)
    assert (line, field) == (line_with(text, f'  "{entry}"'), "runtime.policy.fs_read[0]")
    assert "resources" in message


def test_the_folder_of_artifacts_is_granted_by_itself_and_with_a_quota_of_its_own() -> None:
    rows = changed("fuel", "fuel = 1\nmax_artifacts_mb = 2\nmax_scratch_mb = 8")
    for entries, scratch in (('"artifacts"', 0), ('"artifacts", "scratch"', 8 * MIB)):
        policy = f"[runtime.policy]\nfs_write = [{entries}]\n[io]"
        manifest = parse(rows.replace("[io]", policy))
        limits = manifest.run_limits()
        assert (limits.artifacts_bytes_max, limits.scratch_bytes_max) == (2 * MIB, scratch)
        assert manifest.run_policy().scratch is bool(scratch)
    assert parse(rows).run_limits().artifacts_bytes_max == 0


def test_output_and_artifacts_together_fit_a_message() -> None:
    text = changed("fuel", "fuel = 1\nmax_artifacts_mb = 4")
    rows = re.sub("max_output_mb = .*", "max_output_mb = 1", text).replace(
        "[io]", '[runtime.policy]\nfs_write = ["artifacts"]\n[io]'
    )
    assert parse(rows).run_limits().artifacts_bytes_max == 4 * MIB
    wide = re.sub("max_output_mb = .*", "max_output_mb = 2", rows)
    ((_, field, message),) = errors_of(wide)
    assert field == "runtime.max_artifacts_mb"
    assert "at most 5" in message
    # Without the folder the number means nothing.
    parse(wide.replace('fs_write = ["artifacts"]', ""))


@pytest.mark.parametrize("entry", ["out", "scratch/a", "/scratch", "resources", "/artifacts"])
def test_only_the_two_folders_of_a_run_can_be_written(entry: str) -> None:
    text = SERVICE.replace("[io]", f'[runtime.policy]\nfs_write = ["{entry}"]\n[io]')
    ((_, field, message),) = errors_of(text)
    assert (field, message) == ("runtime.policy.fs_write[0]", "must be 'scratch' or 'artifacts'")


@pytest.mark.parametrize(
    ("row", "to", "field", "part"),
    [
        ("manifest_version", "manifest_version = 2", "manifest_version", "must be 1"),
        ("key", 'key = "Resize"', "spell.key", "com.acme.resize"),
        ("key", "key = 5", "spell.key", "text in quotes"),
        ("name", 'name = ""', "spell.name", "at least 1"),
        ("name", 'name = " x"', "spell.name", "blanks"),
        ("name", f'name = "{"x" * 81}"', "spell.name", "at most 80"),
        ("name", 'name = "a\\u001Bb"', "spell.name", "control"),
        ("name", 'name = "a\\u202Eb"', "spell.name", "control"),
        ("name", 'name = "a\\nb"', "spell.name", "one line"),
        ("version", 'version = "1.2"', "spell.version", "semantic"),
        ("version", "version = 1.2", "spell.version", "text in quotes"),
        ("description", 'description = "\\u0007"', "spell.description", "control"),
        ("description", "description = 2020-01-01", "spell.description", "text in quotes"),
        ("license", 'license = "see <here>"', "spell.license", "SPDX"),
        ("homepage", 'homepage = "http://a.example"', "spell.homepage", "https://"),
        ("homepage", 'homepage = "https://u:p@a.example"', "spell.homepage", "user name"),
        ("homepage", 'homepage = "https://a.example/<x>"', "spell.homepage", "https://"),
        ("homepage", 'icon = "../x.png"', "spell.icon", "resources/"),
        ("homepage", 'visibility = "hidden"', "spell.visibility", "public, unlisted, private"),
        ("homepage", "home = 1", "spell.home", "did you mean homepage"),
        ("homepage", "zzz = 1", "spell.zzz", "known are key"),
        ("mode", 'mode = "daemon"', "execution.mode", "service, workflow, clone"),
        ("mode", "mode = []", "execution.mode", "service, workflow, clone"),
        ("entry", 'entry = "a b"', "runtime.entry", "exported"),
        ("language", 'language = "\\t"', "runtime.language", "language"),
        ("target", 'target = "wasm64"', "runtime.target", "wasm32-wasip1"),
        ("timeout_ms", "timeout_ms = 300_001", "runtime.timeout_ms", "at most 300000"),
        ("timeout_ms", "timeout_ms = 0", "runtime.timeout_ms", "at least 1"),
        ("max_memory_mb", "max_memory_mb = 513", "runtime.max_memory_mb", "at most 512"),
        ("max_output_mb", "max_output_mb = 5", "runtime.max_output_mb", "at most 4"),
        ("fuel", "fuel = 1_000_000_000_001", "runtime.fuel", "at most 1000000000000"),
        ("fuel", "fuel = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "runtime.fuel", "at most"),
        ("fuel", "fuel = 1.0", "runtime.fuel", "whole number"),
        ("fuel", 'fuel = "1"', "runtime.fuel", "whole number"),
        ("fuel", "fuel = true", "runtime.fuel", "whole number"),
        ("fuel", "fuel = nan", "runtime.fuel", "whole number"),
        ("input", 'input = "text/plain"', "io.input", "application/json"),
        ("schema", 'schema = "other.json"', "io.schema", "schema.json"),
        ("model", 'model = "auction"', "pricing.model", "flat"),
        ("currency", 'currency = "usd"', "pricing.currency", "USD"),
        ("base_micros", "base_micros = -1", "pricing.base_micros", "at least 0"),
        ("base_micros", "base_micros = true", "pricing.base_micros", "whole number"),
        ("base_micros", 'base_micros = "10"', "pricing.base_micros", "whole number"),
        ("base_micros", "price_micros = 10", "pricing.price_micros", "unknown"),
        ("fuel_million", "fuel_mill = 3", "pricing.unit_micros.fuel_mill", "mean fuel_million"),
        ("sbom", 'sbom = "sbom.json"', "supply_chain.sbom", "sbom.spdx.json"),
        ("sbom", 'issuer = "ftp://x"', "supply_chain.issuer", "https://"),
        ("tags", 'tags = "image"', "metadata.tags", "a list"),
        ("tags", 'tags = ["a", "A"]', "metadata.tags[1]", "lower-case"),
        ("tags", 'tags = ["a", "a"]', "metadata.tags", "twice"),
        ("category", 'category = "a/b"', "metadata.category", "lower-case"),
        ("category", "[other]", "other", "unknown"),
    ],
)
def test_each_fault_is_told_with_its_field_and_line(
    row: str, to: str, field: str, part: str
) -> None:
    text = changed(row, to)
    found = errors_of(text)
    lines = [line for line, told, message in found if told == field and part in message]
    assert lines == [line_with(text, to)], found


@pytest.mark.parametrize(
    ("row", "field", "section"),
    [
        ("key", "spell.key", "[spell]"),
        ("fuel", "runtime.fuel", "[runtime]"),
        ("model", "pricing.model", "[pricing]"),
        ("currency", "pricing.currency", "[pricing]"),
    ],
)
def test_a_missing_member_is_told_at_its_section(row: str, field: str, section: str) -> None:
    text = changed(row, "", SERVICE)
    ((line, found, _),) = errors_of(text)
    assert (line, found) == (line_with(text, section), field)


def test_a_member_of_another_price_model_is_refused_where_it_stands() -> None:
    text = changed("model", 'model = "flat"\nprice_micros = 1')
    assert [(line, field) for line, field, _ in errors_of(text)] == [
        (line_with(text, "base_micros"), "pricing.base_micros"),
        (line_with(text, "[pricing.unit_micros]"), "pricing.unit_micros"),
    ]


def test_a_worst_case_beyond_all_money_is_refused() -> None:
    text = changed("fuel_million", "fuel_million = 1_000_000_000_000_000")
    ((line, field, message),) = errors_of(text)
    assert (line, field) == (line_with(text, "[pricing]"), "pricing")
    assert "lower either" in message


@pytest.mark.parametrize(
    "host",
    [
        "https://a.example",
        "a.example:443",
        "*.com.",
        "*",
        "a.*.example",
        "localhost",
        "10.0.0.1",
        "A.example",
        "-a.example",
        "a..example",
        "[::1]",
    ],
)
def test_a_host_that_is_no_plain_name_is_refused(host: str) -> None:
    text = SERVICE.replace("[io]", f'[runtime.policy]\nnet_allow = [\n  "{host}",\n]\n[io]')
    ((line, field, message),) = errors_of(text)
    assert (line, field) == (line_with(text, f'  "{host}"'), "runtime.policy.net_allow[0]")
    assert "host name" in message


@pytest.mark.parametrize(
    ("row", "to", "field"),
    [
        ("repo", 'repo = "acme"', "execution.workflow.repo"),
        ("workflow", 'workflow = "../run.yml"', "execution.workflow.workflow"),
        ("ref", 'ref = "a..b"', "execution.workflow.ref"),
        ("dispatch", 'dispatch = "push"', "execution.workflow.dispatch"),
        ("timeout_ms", "timeout_ms = 999", "execution.workflow.timeout_ms"),
    ],
)
def test_faults_of_a_workflow_section_are_told(row: str, to: str, field: str) -> None:
    text = changed(row, to, WORKFLOW)
    ((line, found, _),) = errors_of(text)
    assert (line, found) == (line_with(text, to), field)


def test_the_section_of_a_mode_is_required_with_it() -> None:
    text = SERVICE.replace('mode = "service"', 'mode = "workflow"')
    assert [(field, message) for _, field, message in errors_of(text)] == [
        ("execution.workflow", "is required with mode workflow"),
    ]


def test_a_mode_that_is_offered_is_no_first_choice_without_its_section() -> None:
    text = WORKFLOW.replace('mode = "workflow"', 'mode = "service"')
    assert {field for _, field, _ in errors_of(text)} == {"runtime"}


def test_a_one_time_price_goes_only_with_clone() -> None:
    text = WORKFLOW.replace('model = "flat"', 'model = "one_time"')
    assert errors_of(text) == [
        (line_with(text, "model"), "pricing.model", "one_time goes only with mode clone")
    ]


def test_a_price_per_cast_does_not_go_with_clone() -> None:
    text = CLONE.replace('model = "one_time"', 'model = "flat"')
    ((_, field, message),) = errors_of(text)
    assert (field, message) == ("pricing.model", "must be one_time or free with mode clone")


def test_missing_sections_are_all_told() -> None:
    assert errors_of("") == [
        (None, "execution", "is required"),
        (None, "manifest_version", "is required"),
        (None, "pricing", "is required"),
        (None, "spell", "is required"),
    ]


def test_all_errors_are_told_in_the_order_of_their_lines() -> None:
    text = changed("fuel", "fule = 1", changed("key", "key = 1", changed("tags", "tags = [1]")))
    found = errors_of(text)
    assert [field for _, field, _ in found] == [
        "spell.key",
        "runtime.fuel",
        "runtime.fule",
        "metadata.tags[0]",
    ]
    placed = [line for line, _, _ in found if line is not None]
    assert placed == sorted(placed)


def test_a_section_written_as_a_value_is_refused() -> None:
    text = 'runtime = "fast"\n' + re.sub(r"(?s)\[runtime\].*?\[io\]", "[io]", SERVICE)
    assert (1, "runtime", "must be a section") in errors_of(text)


def test_a_syntax_error_has_its_line() -> None:
    ((line, _, message),) = errors_of(changed("author", 'author = "open'))
    assert line == line_with(SERVICE, "author")
    assert "not TOML" in message


def test_a_syntax_error_at_the_end_has_the_last_line() -> None:
    ((line, _, _),) = errors_of('a = 1\nb = """open\n')
    assert line == 2


def test_a_member_written_twice_has_its_line() -> None:
    text = changed("author", 'author = "a"\nauthor = "b"')
    ((line, _, _),) = errors_of(text)
    assert line == line_with(SERVICE, "author") + 1


def test_text_that_is_not_utf_8_has_its_line() -> None:
    ((line, _, message),) = errors_of(b'a = 1\nb = "\xff"\n')
    assert line == 2
    assert "UTF-8" in message


def test_a_number_with_thousands_of_digits_is_refused() -> None:
    ((_, _, message),) = errors_of("a = " + "9" * 5_000)
    assert "too long" in message


def test_deep_nesting_is_refused_before_it_costs_anything() -> None:
    ((line, _, message),) = errors_of("a = 1\nb = " + "[" * 60_000)
    assert (line, message) == (2, "is nested too deep")


def test_a_manifest_over_its_size_is_refused() -> None:
    ((_, _, message),) = errors_of(b"#" * (MANIFEST_BYTES_MAX + 1))
    assert str(MANIFEST_BYTES_MAX) in message


def test_thousands_of_errors_are_cut_to_a_hundred() -> None:
    assert len(errors_of("".join(f"x{i} = 1\n" for i in range(3_000)))) == 100


def test_the_message_names_the_first_error() -> None:
    with pytest.raises(SpellError, match=r"line 22, runtime\.fuel must be at least 1\."):
        parse(changed("fuel", "fuel = 0"))
