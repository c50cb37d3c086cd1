"""Whether a bill says all that the gate needs of a package."""

from typing import Any

import pytest
from packageurl import PackageURL

from schema.contracts.bill import Bill, BillFormat, Component, ComponentKind
from schema.contracts.supply_chain import Severity
from schema.supply_chain.completeness import BillPolicy, check_completeness, files_to_list
from schema.supply_chain.purls import purl_fault

MODULE, SCHEMA = "a" * 64, "b" * 64
FILES = {
    "spell.wasm": f"sha256:{MODULE}",
    "schema.json": f"sha256:{SCHEMA}",
    "sbom.cdx.json": f"sha256:{'c' * 64}",
    "README.md": f"sha256:{'d' * 64}",
    "LICENSE": f"sha256:{'e' * 64}",
}
ROOT = Component(ref="root", name="com.acme.resize", kind=ComponentKind.APPLICATION)


def file(name: str, digest: str) -> Component:
    return Component(ref=name, name=name, kind=ComponentKind.FILE, hashes={"sha256": digest})


def library(**members: Any) -> Component:
    stated = {
        "ref": "lib",
        "name": "lib",
        "version": "1.0.0",
        "purl": "pkg:cargo/lib@1.0.0",
        "supplier": "crates.io",
        "hashes": {"sha256": "f" * 64},
    }
    return Component.model_validate(stated | members)


def bill(*components: Component, root: str | None = "root") -> Bill:
    parts = [ROOT, file("spell.wasm", MODULE), file("./schema.json", SCHEMA), *components]
    return Bill(format=BillFormat.CYCLONEDX_1_6, name="resize", root=root, components=parts)


def found(checked: Bill, files: dict[str, str] = FILES) -> list[tuple[str, str | None]]:
    return [(reason.code, reason.subject) for reason in check_completeness(checked, files)]


def test_a_complete_bill_has_no_faults() -> None:
    assert found(bill(library())) == []


def test_every_file_is_to_be_listed_but_the_bill_itself_and_texts_for_people() -> None:
    assert list(files_to_list({**FILES, "manifest.toml": MODULE, "resources/a": MODULE})) == [
        "manifest.toml",
        "resources/a",
        "schema.json",
        "spell.wasm",
    ]


def test_a_file_that_is_not_listed_is_named() -> None:
    files = {**FILES, "resources/logo.png": f"sha256:{'1' * 64}"}
    assert found(bill(), files) == [("SBOM_FILE_UNCOVERED", "resources/logo.png")]


def test_a_file_that_was_changed_after_the_bill_was_made_is_named_with_both_digests() -> None:
    (reason,) = check_completeness(bill(), {**FILES, "spell.wasm": f"sha256:{'1' * 64}"})
    assert (reason.code, reason.subject) == ("SBOM_FILE_DIFFERS", "spell.wasm")
    assert reason.details == {"packaged": "1" * 64, "listed": MODULE}
    assert reason.severity is Severity.REFUSE


def test_a_file_listed_without_sha256_is_not_covered() -> None:
    weak = Component(ref="x", name="x", kind=ComponentKind.FILE, hashes={"sha1": "1" * 40})
    assert ("SBOM_FILE_UNCOVERED", "x") in found(bill(weak), {**FILES, "x": f"sha256:{'1' * 64}"})


def test_the_module_may_be_the_component_that_the_bill_is_about() -> None:
    root = ROOT.model_copy(update={"hashes": {"sha256": MODULE}})
    checked = bill().model_copy(update={"components": [root, file("schema.json", SCHEMA)]})
    assert found(checked) == []


def test_a_bill_under_the_name_of_the_other_format_is_refused() -> None:
    spdx = bill().model_copy(update={"format": BillFormat.SPDX_2_3})
    assert found(spdx) == [("SBOM_MISNAMED", "sbom.cdx.json")]


@pytest.mark.parametrize("root", [None, "nothing"])
def test_a_bill_that_does_not_say_what_it_is_about_is_refused(root: str | None) -> None:
    assert ("SBOM_ROOT_MISSING", None) in found(bill(root=root))


def test_a_dependency_that_is_no_component_is_named() -> None:
    checked = bill(library(depends_on=["root", "gone"]))
    assert found(checked) == [("SBOM_DEPENDENCY_UNRESOLVED", "pkg:cargo/lib@1.0.0")]


def test_a_component_that_depends_on_much_that_is_not_there_is_told_once() -> None:
    checked = bill(library(depends_on=[str(number) for number in range(5_000)]))
    [reason] = check_completeness(checked, FILES)
    assert "'0' and 4,999 more" in reason.message
    assert reason.details["refs"] == [str(number) for number in range(10)]


def test_what_components_are_called_does_nothing_to_a_terminal() -> None:
    purl = "pkg:\x1b[2J\u202ecafé"
    reasons = check_completeness(bill(library(purl=purl, depends_on=["\x1b]0;x\a"])), FILES)
    assert len(reasons) == 2
    for reason in reasons:
        assert reason.subject == "pkg:\\x1b[2J\\u202ecafé"
        assert reason.message.isprintable()


def test_dependencies_in_a_circle_are_no_fault() -> None:
    assert found(bill(library(depends_on=["lib"]))) == []


@pytest.mark.parametrize(
    ("member", "value", "code", "severity"),
    [
        ("name", " ", "SBOM_NAME_MISSING", Severity.REFUSE),
        ("version", None, "SBOM_VERSION_MISSING", Severity.REFUSE),
        ("purl", None, "SBOM_PURL_MISSING", Severity.REFUSE),
        ("purl", "npm/lib", "SBOM_PURL_INVALID", Severity.REFUSE),
        ("hashes", {}, "SBOM_HASH_MISSING", Severity.WARN),
        ("supplier", None, "SBOM_SUPPLIER_MISSING", Severity.WARN),
    ],
)
def test_a_member_that_the_policy_asks_for_and_is_not_stated_has_its_own_reason(
    member: str, value: Any, code: str, severity: Severity
) -> None:
    (reason,) = check_completeness(bill(library(**{member: value})), FILES)
    assert (reason.code, reason.severity) == (code, severity)
    assert reason.subject


def test_a_policy_that_asks_for_nothing_finds_nothing_missing_in_components() -> None:
    bare = library(version=None, purl=None, hashes={}, supplier=None)
    policy = BillPolicy(version=None, purl=None, hash=None, supplier=None)
    assert check_completeness(bill(bare), FILES, policy) == []
    assert len(check_completeness(bill(bare), FILES)) == 4


@pytest.mark.parametrize(
    "purl",
    [
        "pkg:npm/foo@1",
        "pkg:npm/@scope/foo@1",
        "pkg:npm/%40scope/foo",
        "pkg:golang/github.com/x/y@v1?a=b#sub",
        "pkg:a//b",
        "pkg://a/b",
        "pkg:a/b/",
        "",
        "npm/foo",
        "pkg:npm",
        "pkg:npm/",
        "pkg:npm/@scope",
        "pkg:/foo",
        "pkg:9a/b",
        "pkg:a+b/c",
        "pkg:a/b?x",
        "PKG:a/b",
    ],
)
def test_a_package_url_is_what_the_reference_implementation_takes(purl: str) -> None:
    try:
        PackageURL.from_string(purl)
    except ValueError:
        assert purl_fault(purl) is not None
    else:
        assert purl_fault(purl) is None
