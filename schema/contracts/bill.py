"""A bill of materials, as the platform sees it: what SPDX and CycloneDX both say.

Both formats are read into this model, converted through it and checked on it. What it keeps, a
conversion keeps: name, version, purl, hashes, both licenses, supplier, dependencies.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schema.contracts.base import Contract

Text = Annotated[str, Field(max_length=2_048)]


class BillFormat(StrEnum):
    """The formats that are taken, each as JSON."""

    SPDX_2_2 = "SPDX-2.2"
    SPDX_2_3 = "SPDX-2.3"
    CYCLONEDX_1_4 = "CycloneDX-1.4"
    CYCLONEDX_1_5 = "CycloneDX-1.5"
    CYCLONEDX_1_6 = "CycloneDX-1.6"
    CYCLONEDX_1_7 = "CycloneDX-1.7"


class ComponentKind(StrEnum):
    """What a component is."""

    APPLICATION = "application"
    LIBRARY = "library"
    FILE = "file"
    OTHER = "other"


class Component(Contract):
    """One thing that a package is made of."""

    ref: Text
    """Names it within its bill; unique there."""
    name: Text
    kind: ComponentKind = ComponentKind.LIBRARY
    version: Text | None = None
    purl: Text | None = None
    supplier: Text | None = None
    hashes: dict[str, str] = Field(default_factory=dict)
    """Hex digests by algorithm, as `sha256`, `sha512`, `sha1`, `md5`, `blake3` …"""
    license_declared: Text | None = None
    """The SPDX expression, or the name, that its authors state."""
    license_concluded: Text | None = None
    """The one that whoever made the bill found."""
    depends_on: list[str] = Field(default_factory=list)
    """`ref`s of components of the same bill."""
    properties: dict[str, str] = Field(default_factory=dict)
    """What has no place of its own, such as a hash that is not one of a file."""


class Bill(Contract):
    """A whole bill of materials."""

    format: BillFormat
    name: Text
    serial: Text | None = None
    """The document's own identifier: a serial number, or a namespace."""
    created_at: Text | None = None
    """RFC 3339, as the document says."""
    root: str | None = None
    """`ref` of the component that the bill is about."""
    components: list[Component]
