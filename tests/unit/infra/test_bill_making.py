"""Goal: a generated bill covers the package, holds, and is the same twice."""

import hashlib
import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from infra.supply_chain.bill_making import make_bill
from infra.supply_chain.cyclonedx_output import write_cyclonedx
from infra.supply_chain.lockfiles import lock_file
from infra.supply_chain.lockfiles.lock_file import Locked, LockFileError, component_of
from schema.contracts.bill import Component
from schema.manifest import parse_manifest
from tests.support.e2e_packages import ANYTHING, files_of

FILES = {
    **files_of("com.example.billed", b"\0asm", ANYTHING, version="1.2.3"),
    "resources/words.txt": "Wörter".encode(),
    "sbom.cdx.json": b"the bill itself",
}
MANIFEST = parse_manifest(FILES["manifest.toml"])
SIX = component_of("pypi", "six", "1.17.0", hashes={"sha256": "ab" * 32}, license_declared="MIT")
ATTRS = component_of("pypi", "attrs", "25.1.0", properties={"a": "b"}).model_copy(
    update={"depends_on": [SIX.ref]}
)
LOCKED = Locked((SIX, ATTRS), (ATTRS.ref,))


def document_of(*locked: Locked) -> dict[str, Any]:
    written = write_cyclonedx(make_bill(MANIFEST, FILES, locked))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written.decode()) is None
    document: dict[str, Any] = json.loads(written)
    return document


def test_the_root_is_the_spell_with_its_license_and_author() -> None:
    root = document_of()["metadata"]["component"]
    assert root["type"] == "application"
    assert root["purl"] == "pkg:generic/com.example.billed@1.2.3"
    assert (root["name"], root["version"]) == ("com.example.billed", "1.2.3")
    assert root["supplier"] == {"name": "Tests"}
    assert root["licenses"] == [{"license": {"id": "Apache-2.0"}}]


def test_every_packaged_file_but_the_bill_is_a_component_with_its_digest() -> None:
    files = [c for c in document_of()["components"] if c["type"] == "file"]
    assert {c["name"]: c["hashes"][0]["content"] for c in files} == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in FILES.items()
        if name != "sbom.cdx.json"
    }


def test_dependencies_have_purl_version_hash_license_and_graph() -> None:
    document = document_of(LOCKED)
    libraries = {c["purl"]: c for c in document["components"] if c["type"] == "library"}
    assert libraries[SIX.ref]["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert libraries[SIX.ref]["licenses"] == [{"license": {"id": "MIT"}}]
    assert libraries[ATTRS.ref]["properties"] == [{"name": "a", "value": "b"}]
    graph = {d["ref"]: d.get("dependsOn", []) for d in document["dependencies"]}
    assert graph[ATTRS.ref] == [SIX.ref]
    root = graph[document["metadata"]["component"]["bom-ref"]]
    assert ATTRS.ref in root
    assert SIX.ref not in root
    assert "file:spell.wasm" in root


def test_the_same_folder_gives_the_same_bytes_and_another_one_another_serial() -> None:
    one, again = (write_cyclonedx(make_bill(MANIFEST, FILES, [LOCKED])) for _ in range(2))
    assert one == again
    assert "timestamp" not in json.loads(one)["metadata"]
    assert document_of(LOCKED)["serialNumber"] != document_of()["serialNumber"]


def test_what_two_lock_files_name_is_there_once_with_what_both_know() -> None:
    bare = component_of("pypi", "six", "1.17.0", supplier="Somebody")
    components = document_of(Locked((bare,)), LOCKED)["components"]
    (six,) = [c for c in components if c.get("purl") == SIX.ref]
    assert six["supplier"] == {"name": "Somebody"}
    assert six["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]


@pytest.mark.parametrize("text", ["Apache-2.0 OR MIT", "BSD", "A license of my own"])
def test_a_license_is_an_expression_an_id_or_a_name(text: str) -> None:
    """The strict validator says whether it came out as the right one."""
    component = component_of("npm", "x", "1", license_declared=text)
    document = document_of(Locked((component,), (component.ref,)))
    (written,) = [c for c in document["components"] if c.get("purl") == component.ref]
    assert text in json.dumps(written["licenses"])


def test_the_number_of_components_is_bounded() -> None:
    many = tuple(Component(ref=f"pkg:npm/x@{n}", name="x") for n in range(lock_file.COMPONENTS_MAX))
    with pytest.raises(LockFileError, match="more than 10,000 components"):
        make_bill(MANIFEST, FILES, [Locked(many)])
