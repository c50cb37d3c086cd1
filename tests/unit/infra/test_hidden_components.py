"""Goal: no component hides behind another one, or behind its own second name."""

import json
from typing import Any

from infra.supply_chain.bills.reading import read_bill

_VULNERABLE = "pkg:pypi/jinja2@2.10"


def _cyclonedx(*components: dict[str, Any]) -> bytes:
    root = {"type": "application", "name": "it", "purl": "pkg:generic/it@1"}
    return json.dumps(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"component": root},
            "components": list(components),
        }
    ).encode()


def _spdx(*purls: str) -> bytes:
    def package(name: str, located: tuple[str, ...]) -> dict[str, Any]:
        references = [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": purl,
            }
            for purl in located
        ]
        return {
            "SPDXID": f"SPDXRef-{name}",
            "name": name,
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False,
            "externalRefs": references,
        }

    return json.dumps(
        {
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": "it",
            "documentNamespace": "https://it.example/1",
            "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: x"]},
            "packages": [package("it", ()), package("lib", purls)],
            "documentDescribes": ["SPDXRef-it"],
        }
    ).encode()


def test_no_component_can_take_the_ref_that_is_made_up_for_the_root() -> None:
    content = _cyclonedx(
        {"type": "library", "bom-ref": "pkg:generic/it@1", "name": "harmless"},
        {"type": "library", "bom-ref": "pkg:generic/it@1#0", "name": "jinja2"},
    )
    bill = read_bill(content).bill
    assert bill is not None
    refs = [component.ref for component in bill.components]
    assert len(set(refs)) == 3
    assert bill.root == refs[0]


def test_a_package_with_several_purls_is_refused_for_only_one_would_be_matched() -> None:
    read = read_bill(_spdx("pkg:generic/harmless@1", _VULNERABLE))
    assert read.bill is None
    [reason] = read.reasons
    assert reason.code == "SBOM_UNSUPPORTED"
    assert "several package URLs" in reason.message


def test_a_package_that_states_its_purl_twice_says_nothing_else() -> None:
    bill = read_bill(_spdx(_VULNERABLE, _VULNERABLE)).bill
    assert bill is not None
    assert bill.components[1].purl == _VULNERABLE
