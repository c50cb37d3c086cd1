"""Licenses: expressions, the deny list, and what goes with the spell's own."""

from unittest.mock import patch

import pytest

from infra.supply_chain.licenses.compatibility import Fit, fit
from infra.supply_chain.licenses.expressions import (
    EXPRESSION_CHARS_MAX,
    EXPRESSION_LICENSES_MAX,
    AllOf,
    AnyOf,
    License,
    parse_expression,
)
from infra.supply_chain.licenses.license_rules import SpdxLicenseRules
from schema.contracts.bill import Component, ComponentKind
from schema.contracts.supply_chain import Check, Reason, Severity


def a_component(declared: str | None, concluded: str | None = None) -> Component:
    return Component(
        ref="a",
        name="a",
        purl="pkg:npm/a@1.0.0",
        license_declared=declared,
        license_concluded=concluded,
    )


def found(spell: str, declared: str | None, concluded: str | None = None) -> list[Reason]:
    rules = SpdxLicenseRules(["SSPL-1.0", "busl-1.1", "AGPL-3.0"])
    return rules.check(spell, [a_component(declared, concluded)])


def codes(spell: str, declared: str | None, concluded: str | None = None) -> list[str]:
    return [reason.code for reason in found(spell, declared, concluded)]


def test_an_expression_is_read_with_its_choices_parts_and_exceptions() -> None:
    expression = parse_expression("(MIT OR Apache-2.0 WITH LLVM-exception) AND GPL-2.0-or-later")
    choice = AnyOf((License("MIT"), License("Apache-2.0", "LLVM-exception")))
    assert isinstance(expression, AllOf)
    assert set(expression.parts) == {choice, License("GPL-2.0-or-later")}


def test_parts_of_parts_are_parts_and_each_counts_once() -> None:
    assert parse_expression("MIT OR (ISC OR (MIT OR ISC))") == AnyOf(
        (License("MIT"), License("ISC"))
    )
    assert parse_expression("MIT AND (MIT AND MIT)") == License("MIT")


def test_an_expression_is_read_without_comparing_each_part_with_each() -> None:
    text = "MIT"
    while len(text) < EXPRESSION_CHARS_MAX - 40:
        text = f"({text} AND Zlib) OR ISC"
    with patch("boolean.boolean.DualBase.simplify", side_effect=AssertionError):
        assert isinstance(parse_expression(text), AnyOf)


def test_more_licenses_than_are_compared_are_no_expression() -> None:
    text = " OR ".join(f"LicenseRef-{number}" for number in range(EXPRESSION_LICENSES_MAX + 1))
    with pytest.raises(ValueError, match="names more than"):
        parse_expression(text.replace("LicenseRef-", "x"))


@pytest.mark.parametrize(
    "text",
    ["MIT AND (", "", "  ", "MIT Apache-2.0", "(" * 400, "x" * (EXPRESSION_CHARS_MAX + 1), "AND"],
)
def test_what_is_no_expression_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"expression|longer"):
        parse_expression(text)


# Pairs from OSADL's matrix, and what follows from the words OR, AND and WITH.
@pytest.mark.parametrize(
    ("outbound", "inbound", "expected"),
    [
        ("GPL-3.0-only", "MIT", Fit.YES),
        ("MIT", "GPL-2.0-only", Fit.NO),
        ("GPL-2.0-only", "Apache-2.0", Fit.NO),
        ("Apache-2.0", "GPL-2.0-only", Fit.NO),
        ("MIT", "GPL-2.0-only OR MIT", Fit.YES),
        ("MIT", "GPL-2.0-only AND MIT", Fit.NO),
        ("MIT OR GPL-2.0-only", "GPL-2.0-only", Fit.NO),
        ("MIT AND GPL-2.0-only", "GPL-2.0-only", Fit.YES),
        ("MIT", "GPL-2.0-only WITH Classpath-exception-2.0", Fit.YES),
        ("MIT", "GPL-2.0-only WITH Bison-exception-2.2", Fit.NO),
        ("Apache-2.0", "Apache-2.0 WITH LLVM-exception", Fit.YES),
        ("LicenseRef-acme", "LicenseRef-acme", Fit.YES),
        ("LicenseRef-acme", "MIT", Fit.UNKNOWN),
    ],
)
def test_a_license_goes_with_another_or_not(outbound: str, inbound: str, expected: Fit) -> None:
    assert fit(parse_expression(outbound), parse_expression(inbound)) is expected


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("MIT", []),
        ("mit", []),
        ("Apache-2.0 OR GPL-2.0-only", []),
        ("GPL-3.0-only", ["LICENSE_INCOMPATIBLE"]),
        ("SSPL-1.0", ["LICENSE_DENIED"]),
        ("BUSL-1.1", ["LICENSE_DENIED"]),
        ("SSPL-1.0 OR MIT", []),
        ("SSPL-1.0 AND MIT", ["LICENSE_DENIED"]),
        ("SSPL-1.0+", ["LICENSE_DENIED"]),
        ("SSPL-1.0 OR GPL-3.0-only", ["LICENSE_INCOMPATIBLE"]),
        ("AGPL-3.0-only", ["LICENSE_DENIED"]),
        ("Apache-2.0+", []),
        ("LicenseRef-acme", ["LICENSE_UNKNOWN"]),
        ("three clauses, see file", ["LICENSE_UNREADABLE"]),
        ("NOASSERTION", ["LICENSE_MISSING"]),
        (None, ["LICENSE_MISSING"]),
    ],
)
def test_a_component_is_judged_by_its_license(declared: str | None, expected: list[str]) -> None:
    assert codes("Apache-2.0", declared) == expected


@pytest.mark.parametrize("own", ["LicenseRef-acme", "SSPL-1.0", "MIT"])
def test_a_packaged_file_under_the_spells_own_license_is_the_makers_own(own: str) -> None:
    file = a_component(own).model_copy(update={"kind": ComponentKind.FILE})
    assert SpdxLicenseRules(["SSPL-1.0"]).check(own, [file]) == []
    assert SpdxLicenseRules(["SSPL-1.0"]).check("MIT OR ISC", [file]) != [] or own == "MIT"


def test_a_concluded_license_stands_over_a_declared_one() -> None:
    assert codes("MIT", declared="GPL-3.0-only", concluded="MIT") == []
    assert codes("MIT", declared="MIT", concluded="GPL-3.0-only") == ["LICENSE_INCOMPATIBLE"]
    assert codes("MIT", declared="GPL-3.0-only", concluded="NOASSERTION") == [
        "LICENSE_INCOMPATIBLE"
    ]


def test_only_denied_and_incompatible_licenses_refuse() -> None:
    refused = {
        declared
        for declared in ("MIT", "GPL-3.0-only", "SSPL-1.0", "LicenseRef-x", "", "what ever")
        for reason in found("MIT", declared)
        if reason.severity is Severity.REFUSE
    }
    assert refused == {"GPL-3.0-only", "SSPL-1.0"}


def test_a_reason_names_the_component_and_both_licenses() -> None:
    (reason,) = found("Apache-2.0", "GPL-3.0-only")
    assert reason.check is Check.LICENSES
    assert reason.subject == "pkg:npm/a@1.0.0"
    assert "GPL-3.0-only" in reason.message
    assert "Apache-2.0" in reason.message


def test_a_spells_own_license_must_be_readable() -> None:
    assert codes("MIT AND (", "MIT") == ["SPELL_LICENSE_UNREADABLE"]


def test_a_long_text_for_a_license_does_not_fill_the_reason() -> None:
    (reason,) = found("MIT", "see the file " * 100)
    assert len(reason.message) < 200
