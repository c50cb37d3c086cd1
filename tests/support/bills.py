"""Bills of materials for tests: one as a contract, and the one that packages carry."""

from collections.abc import Mapping
from typing import Any

from schema.canonical import canonical_json
from schema.contracts.bill import Bill, BillFormat, Component, ComponentKind
from schema.ids import sha256_digest


def a_bill(files: Mapping[str, bytes] | None = None, *, libraries: int = 1) -> Bill:
    """A complete bill of a spell with these files and so many libraries, each needing the next."""
    found = [_library(number, libraries) for number in range(libraries)]
    root = Component(
        ref="root",
        name="com.example.spell",
        kind=ComponentKind.APPLICATION,
        version="1.0.0",
        depends_on=[item.ref for item in found[:1]],
    )
    listed = [
        Component(
            ref=f"file:{name}",
            name=name,
            kind=ComponentKind.FILE,
            hashes={"sha256": sha256_digest(content).removeprefix("sha256:")},
        )
        for name, content in (files or {}).items()
    ]
    return Bill(
        format=BillFormat.CYCLONEDX_1_6,
        name="com.example.spell",
        root="root",
        components=[root, *found, *listed],
    )


def with_bill(files: Mapping[str, bytes], *purls: str) -> dict[str, bytes]:
    """The files of a package and a bill that lists each, so that the gate asks for no more.

    Args:
        files: what is packaged.
        purls: libraries that the bill lists besides, `pkg:<type>/<name>@<version>`.
    """
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "root", "name": "a spell"}},
        "components": [
            *(_listed("file", name, content) for name, content in files.items()),
            *(_listed("library", purl, b"it", **_named(purl)) for purl in purls),
        ],
    }
    return {**files, "sbom.cdx.json": canonical_json(bill)}


def _named(purl: str) -> dict[str, str]:
    name, _, version = purl.rpartition("/")[2].partition("@")
    return {"name": name, "version": version, "purl": purl}


def _listed(kind: str, ref: str, content: bytes, **named: str) -> dict[str, Any]:
    digest = sha256_digest(content).removeprefix("sha256:")
    return {
        "type": kind,
        "bom-ref": ref,
        "name": ref,
        **named,
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }


def _library(number: int, count: int) -> Component:
    def purl(of: int) -> str:
        return f"pkg:npm/lib{of}@1.{of}.0"

    return Component(
        ref=purl(number),
        name=f"lib{number}",
        version=f"1.{number}.0",
        purl=purl(number),
        supplier="npm",
        hashes={"sha256": f"{number:064x}"},
        license_declared="Apache-2.0 OR MIT",
        license_concluded="MIT",
        depends_on=[purl(number + 1)] if number + 1 < count else [],
    )
