"""docs/package.md says what the code does."""

import re
from pathlib import Path

from pydantic import BaseModel

from schema import limits
from schema.manifest import Manifest
from schema.packaging.manifest_sections import CloneSection, PolicySection, WorkflowSection
from schema.packaging.tar_header import CHECKSUM, FIELDS, header_of
from schema.pricing import FlatPrice, FreePrice, MeteredPrice, OneTimePrice, UnitPrices

DOCUMENT = (Path(__file__).parents[3] / "docs" / "package.md").read_text("utf-8")

SECTIONS: dict[str, list[type[BaseModel]]] = {
    "execution.workflow": [WorkflowSection],
    "execution.clone": [CloneSection],
    "runtime.policy": [PolicySection],
    "pricing": [FlatPrice, MeteredPrice, OneTimePrice, FreePrice],
    "pricing.unit_micros": [UnitPrices],
}


def members(section: type[BaseModel]) -> set[str]:
    return {member.alias or name for name, member in section.model_fields.items()}


def fields_of_the_code() -> set[str]:
    sections = dict(SECTIONS)
    found = {"manifest_version"}
    for name, member in Manifest.model_fields.items():
        annotation = member.annotation
        if name == "runtime":
            annotation = annotation.__args__[0]  # type: ignore[union-attr]
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            sections[name] = [annotation]
    for path, models in sections.items():
        found |= {f"{path}.{member}" for model in models for member in members(model)}
    return found


def test_the_manifest_table_has_every_field_and_no_other() -> None:
    types = "text|line|list|integer|true|section"
    table = set(re.findall(rf"(?m)^\| `([a-z_.]+)` \| (?:{types})", DOCUMENT))
    # Sections that are no more than the sum of their members have no row of their own.
    assert table - {"runtime"} == fields_of_the_code() - {"runtime.policy"}


def test_the_limits_are_those_of_the_platform() -> None:
    for limit in (
        limits.PACKAGE_BYTES_MAX,
        limits.PACKAGE_ENTRIES_MAX,
        limits.PACKAGE_NAME_BYTES_MAX,
        limits.MODULE_BYTES_MAX,
        limits.MANIFEST_BYTES_MAX,
        limits.SCHEMA_BYTES_MAX,
        limits.TEXT_FILE_BYTES_MAX,
        limits.BILL_BYTES_MAX,
        limits.TIMEOUT_MS_MAX,
        limits.MEMORY_MB_MAX,
        limits.FUEL_MAX,
        limits.HOST_CALLS_MAX,
        limits.SCRATCH_MB_MAX,
        limits.NET_REQUESTS_MAX,
        limits.NET_MB_MAX,
        limits.RESOURCES_BYTES_MAX,
    ):
        assert f"{limit:,}" in DOCUMENT


def test_the_header_table_has_every_field_in_its_place() -> None:
    rows = {
        (int(start), int(length))
        for start, length in re.findall(r"(?m)^\| (\d+) \| (\d+) \|", DOCUMENT)
    }
    assert rows == {(field.start, field.length) for field in (*FIELDS, CHECKSUM)}
    assert sum(length for _, length in rows) == len(header_of(b"LICENSE", 0))
