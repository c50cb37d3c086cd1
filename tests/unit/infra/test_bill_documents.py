"""Documents as other tools write them: what is read from them, and how they come back."""

import json
from typing import Any

import pytest

from infra.supply_chain.bills.reading import read_bill, write_bill
from schema.contracts.bill import Bill, BillFamily, ComponentKind

DIGEST = "c2b4e1c67a2d28fced849ee1bb76e7391b93f125"
SPDX: dict[str, Any] = {
    "SPDXID": "SPDXRef-DOCUMENT",
    "spdxVersion": "SPDX-2.2",
    "creationInfo": {"created": "2020-11-24T01:12:27Z", "creators": ["Person: Nobody ()"]},
    "name": "hello",
    "dataLicense": "CC0-1.0",
    "documentNamespace": "https://swinslow.example/hello-1.0",
    "documentDescribes": ["SPDXRef-Package-hello"],
    "externalDocumentRefs": [
        {
            "externalDocumentId": "DocumentRef-go",
            "spdxDocument": "https://swinslow.example/go",
            "checksum": {"algorithm": "SHA1", "checksumValue": DIGEST},
        }
    ],
    "hasExtractedLicensingInfos": [
        {
            "licenseId": "LicenseRef-1",
            "extractedText": "You may.",
            "name": "May License",
            "seeAlsos": ["http://may.example/license"],
        }
    ],
    "packages": [
        {
            "SPDXID": "SPDXRef-Package-hello",
            "name": "hello",
            "versionInfo": "1.0",
            "supplier": "Person: Jane (jane@hello.example)",
            "downloadLocation": "git+https://github.com/hello/hello.git",
            "packageVerificationCode": {"packageVerificationCodeValue": DIGEST},
            "licenseConcluded": "(GPL-3.0-or-later AND LicenseRef-1)",
            "licenseDeclared": "GPL-3.0-or-later",
            "licenseInfoFromFiles": ["GPL-3.0-or-later"],
            "copyrightText": "NOASSERTION",
            "hasFiles": ["SPDXRef-main"],
        },
        {
            "SPDXID": "SPDXRef-Package-lib",
            "name": "org.lib/lib",
            "downloadLocation": "NONE",
            "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NONE",
            "copyrightText": "NONE",
            "checksums": [
                {"algorithm": "MD5", "checksumValue": "0" * 32},
                {"algorithm": "SHA224", "checksumValue": "1" * 56},
            ],
            "externalRefs": [
                {
                    "referenceCategory": "SECURITY",
                    "referenceType": "cpe23Type",
                    "referenceLocator": "cpe:2.3:a:lib:lib:1:*:*:*:*:*:*:*",
                },
                {
                    "referenceCategory": "PACKAGE_MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": "pkg:maven/org.lib/lib@1?type=jar",
                },
            ],
        },
    ],
    "files": [
        {
            "SPDXID": "SPDXRef-main",
            "fileName": "./src/main.c",
            "checksums": [{"algorithm": "SHA1", "checksumValue": DIGEST}],
            "licenseConcluded": "LicenseRef-1",
            "licenseInfoInFiles": ["GPL-3.0-or-later", "MIT"],
            "copyrightText": "NOASSERTION",
        }
    ],
    "relationships": [
        {
            "spdxElementId": "SPDXRef-Package-lib",
            "relationshipType": "BUILD_DEPENDENCY_OF",
            "relatedSpdxElement": "SPDXRef-Package-hello",
        },
        {
            "spdxElementId": "SPDXRef-Package-hello",
            "relationshipType": "DYNAMIC_LINK",
            "relatedSpdxElement": "DocumentRef-go:SPDXRef-go",
        },
        {
            "spdxElementId": "SPDXRef-main",
            "relationshipType": "DEPENDS_ON",
            "relatedSpdxElement": "NONE",
        },
    ],
}


def read(document: dict[str, Any]) -> Bill:
    check = read_bill(json.dumps(document).encode())
    assert check.bill is not None, check.reasons
    return check.bill


def test_an_spdx_document_of_another_tool_is_read() -> None:
    bill = read(SPDX)
    hello, lib, main = bill.components
    assert (bill.name, bill.root, bill.created_at) == ("hello", hello.ref, "2020-11-24T01:12:27Z")
    assert bill.serial == "https://swinslow.example/hello-1.0"
    assert hello.supplier == "Person: Jane (jane@hello.example)"
    assert hello.depends_on == [lib.ref, "DocumentRef-go:SPDXRef-go"]
    assert hello.license_concluded == "(GPL-3.0-or-later AND LicenseRef-1)"
    assert (lib.purl, lib.version) == ("pkg:maven/org.lib/lib@1?type=jar", None)
    assert (lib.license_declared, lib.license_concluded) == ("NONE", None)
    assert lib.hashes == {"md5": "0" * 32, "sha224": "1" * 56}
    assert (main.kind, main.name, main.depends_on) == (ComponentKind.FILE, "./src/main.c", [])
    assert main.license_declared == "(GPL-3.0-or-later) AND (MIT)"
    (own,) = bill.named_licenses
    assert (own.name, own.text) == ("May License", "You may.")


def test_an_spdx_document_of_another_tool_survives_cyclonedx() -> None:
    bill = read(SPDX)
    there = read(json.loads(write_bill(bill, BillFamily.CYCLONEDX)))
    back = read(json.loads(write_bill(there, BillFamily.SPDX)))
    for other in (there, back):
        assert by_ref(other) == by_ref(bill)
        assert other.named_licenses == bill.named_licenses


@pytest.mark.parametrize(
    ("first", "kind", "second", "is_valid"),
    [
        ("SPDXRef-Package-hello", "CONTAINS", "SPDXRef-main", True),
        ("SPDXRef-main", "CONTAINED_BY", "SPDXRef-Package-hello", True),
        ("SPDXRef-main", "CONTAINED_BY", "NOASSERTION", True),
        ("SPDXRef-main", "CONTAINED_BY", "SPDXRef-gone", False),
        # Of this package it is said that nobody looked at its files.
        ("SPDXRef-Package-lib", "CONTAINS", "SPDXRef-main", False),
        ("SPDXRef-main", "CONTAINED_BY", "SPDXRef-Package-lib", False),
    ],
)
def test_relationships_keep_the_rules_although_they_are_checked_in_pieces(
    first: str, kind: str, second: str, *, is_valid: bool
) -> None:
    added = {"spdxElementId": first, "relationshipType": kind, "relatedSpdxElement": second}
    document = {**SPDX, "relationships": [*SPDX["relationships"], added]}
    check = read_bill(json.dumps(document).encode())
    assert (check.bill is not None) is is_valid
    assert {reason.code for reason in check.reasons} == (set() if is_valid else {"SBOM_INVALID"})


def by_ref(bill: Bill) -> dict[str, Any]:
    return {component.ref: component for component in bill.components}


def cyclonedx(version: str, **members: Any) -> dict[str, Any]:
    component = {"type": "library", "bom-ref": "a", "name": "a", **members}
    head = {"bomFormat": "CycloneDX", "specVersion": version, "version": 1}
    return {**head, "components": [component]}


MIXED = [
    {"expression": "Apache-2.0 OR MIT", "acknowledgement": "declared"},
    {"license": {"id": "MIT", "acknowledgement": "declared"}},
    {"license": {"name": "Ours", "text": {"content": "T"}, "acknowledgement": "declared"}},
    {"expression": "MIT AND ISC", "acknowledgement": "concluded"},
]


def test_what_only_cyclonedx_1_7_can_say_is_written_in_1_7() -> None:
    streebog = [{"alg": "Streebog-256", "content": "a" * 64}]
    bill = read(cyclonedx("1.7", licenses=MIXED, hashes=streebog))
    spdx = read(json.loads(write_bill(bill, BillFamily.SPDX)))
    back = json.loads(write_bill(spdx, BillFamily.CYCLONEDX))
    assert back["specVersion"] == "1.7"
    (component,) = back["components"]
    assert component["hashes"] == streebog
    for license_ in component["licenses"]:
        license_.get("license", {}).pop("properties", None)
    assert component["licenses"] == MIXED


def test_what_cyclonedx_1_6_can_say_is_written_in_1_6() -> None:
    bill = read(cyclonedx("1.7", licenses=MIXED[:1]))
    assert json.loads(write_bill(bill, BillFamily.CYCLONEDX))["specVersion"] == "1.6"


@pytest.mark.parametrize(
    ("licenses", "declared"),
    [
        ([{"license": {"id": "MIT"}}, {"license": {"id": "ISC"}}], "(MIT) AND (ISC)"),
        ([{"license": {"name": "MIT"}}], "MIT"),
        ([{"license": {"name": "Apache License 2.0"}}], "Apache License 2.0"),
        ([{"expression": "MIT AND ISC"}], "MIT AND ISC"),
        ([], None),
    ],
)
def test_licenses_without_an_acknowledgement_are_declared(
    licenses: list[dict[str, Any]], declared: str | None
) -> None:
    (component,) = read(cyclonedx("1.4", licenses=licenses)).components
    assert (component.license_declared, component.license_concluded) == (declared, None)


def test_a_text_in_base64_is_decoded() -> None:
    text = {"encoding": "base64", "content": "WW91IG1heS4="}
    (own,) = read(
        cyclonedx("1.4", licenses=[{"license": {"name": "Ours", "text": text}}])
    ).named_licenses
    assert (own.name, own.text) == ("Ours", "You may.")


def test_nested_components_and_services_are_components_of_the_bill() -> None:
    document = cyclonedx("1.5", components=[{"type": "file", "name": "b", "components": []}])
    document["services"] = [{"name": "s", "services": [{"name": "t", "provider": {"name": "P"}}]}]
    document["metadata"] = {"component": {"type": "application", "name": "root"}}
    bill = read(document)
    assert [(item.name, item.kind.value) for item in bill.components] == [
        ("root", "application"),
        ("a", "library"),
        ("b", "file"),
        ("s", "service"),
        ("t", "service"),
    ]
    assert bill.root == bill.components[0].ref
    assert bill.components[4].supplier == "P"


def test_components_without_a_ref_get_different_ones() -> None:
    document = cyclonedx("1.4")
    document["components"] = [
        {"type": "file", "name": "a", "hashes": []},
        {"type": "data", "name": "a"},
    ]
    document["components"][1]["type"] = "library"
    first, second = read(document).components
    assert first.ref != second.ref


def test_what_a_stranger_calls_a_license_of_ours_does_not_spoil_a_conversion() -> None:
    made_up = {"ref": "LicenseRef-x", "text": "T", "see_also": ["http://a_b", "https://a.com/x"]}
    document = cyclonedx("1.6", licenses=[{"expression": "MIT OR LicenseRef-x"}])
    ours = [{"name": "spell-platform:license", "value": json.dumps(made_up)}]
    document["metadata"] = {"properties": ours}
    spdx = json.loads(write_bill(read(document), BillFamily.SPDX))
    (own,) = read(spdx).named_licenses
    assert (own.text, own.see_also) == ("T", ["https://a.com/x"])
