"""A bill of materials, as the platform sees it: what SPDX and CycloneDX both say.

Both formats are read into this model, converted through it and checked on it. What it keeps, a
conversion keeps; docs/sbom.md lists it.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schema.contracts.base import Contract

Text = Annotated[str, Field(max_length=2_048)]
LicenseText = Annotated[str, Field(max_length=131_072)]
"""A license expression, or a whole license."""


class BillFormat(StrEnum):
    """The formats that are taken, each as JSON."""

    SPDX_2_2 = "SPDX-2.2"
    SPDX_2_3 = "SPDX-2.3"
    CYCLONEDX_1_4 = "CycloneDX-1.4"
    CYCLONEDX_1_5 = "CycloneDX-1.5"
    CYCLONEDX_1_6 = "CycloneDX-1.6"
    CYCLONEDX_1_7 = "CycloneDX-1.7"

    @property
    def family(self) -> "BillFamily":
        """SPDX or CycloneDX."""
        return BillFamily(self.value.split("-")[0].lower())


class BillFamily(StrEnum):
    """The two kinds of document, whatever their version."""

    SPDX = "spdx"
    CYCLONEDX = "cyclonedx"


class ComponentKind(StrEnum):
    """What a component is: the words of both formats."""

    APPLICATION = "application"
    LIBRARY = "library"
    FRAMEWORK = "framework"
    CONTAINER = "container"
    PLATFORM = "platform"
    OPERATING_SYSTEM = "operating-system"
    DEVICE = "device"
    DEVICE_DRIVER = "device-driver"
    FIRMWARE = "firmware"
    FILE = "file"
    MACHINE_LEARNING_MODEL = "machine-learning-model"
    DATA = "data"
    CRYPTOGRAPHIC_ASSET = "cryptographic-asset"
    SERVICE = "service"
    SOURCE = "source"
    ARCHIVE = "archive"
    INSTALL = "install"
    OTHER = "other"


class Component(Contract):
    """One thing that a package is made of."""

    ref: Text
    """Names it within its bill; unique there."""
    name: Text
    kind: ComponentKind = ComponentKind.LIBRARY
    group: Text | None = None
    """What CycloneDX puts before the name: a Maven group, an npm scope."""
    version: Text | None = None
    purl: Text | None = None
    supplier: Text | None = None
    """An organisation's name, maybe with `(e-mail)`; a person's has `Person: ` before it."""
    hashes: dict[str, str] = Field(default_factory=dict)
    """Lower-case hex digests by algorithm, as `sha256`, `sha3-256`, `md5`, `blake2b-256` …"""
    license_declared: LicenseText | None = None
    """The SPDX expression, or the name, that its authors state.

    Several licenses without an operator between them, as CycloneDX lists them, are each in
    parentheses with AND between them: `(MIT) AND (LicenseRef-x)`.
    """
    license_concluded: LicenseText | None = None
    """The one that whoever made the bill found."""
    depends_on: list[Text] = Field(default_factory=list)
    """`ref`s of components of the same bill; one that is none of them is a fault of the bill."""
    provides: list[Text] = Field(default_factory=list)
    """`ref`s of what it implements, such as cryptographic algorithms."""
    properties: dict[str, str] = Field(default_factory=dict)
    """What has no place of its own, such as the hash of a tree of files."""


class NamedLicense(Contract):
    """A license that is not on SPDX's list, and what is known of it."""

    ref: Annotated[str, Field(pattern=r"^LicenseRef-[\dA-Za-z.-]+$", max_length=256)]
    """How expressions name it."""
    name: LicenseText | None = None
    text: LicenseText | None = None
    see_also: list[Text] = Field(default_factory=list)
    """Web addresses."""


class Bill(Contract):
    """A whole bill of materials."""

    format: BillFormat
    name: Text
    serial: Text | None = None
    """The document's own identifier: a serial number, or a namespace."""
    created_at: Text | None = None
    """RFC 3339, as the document says."""
    root: Text | None = None
    """`ref` of the component that the bill is about."""
    components: list[Component]
    named_licenses: list[NamedLicense] = Field(default_factory=list)
