"""How a terminal shows a verdict: a line for each check, and reasons that can be acted on."""

from typing import Any

from cli.verdicts import check_lines, reason_lines
from schema.contracts.supply_chain import Check

LICENSE_MISSING = {"severity": "warn", "code": "LICENSE_MISSING", "message": "None stated."}


def a_decision(*reasons: dict[str, Any], signer: Any = None, snapshot: str = "none") -> Any:
    evidence = {"policy": "1", "trust_root": "sha256:0", "snapshot": snapshot}
    passed = all(each["severity"] != "refuse" for each in reasons)
    return {"passed": passed, "signer": signer, "evidence": evidence, "reasons": list(reasons)}


def test_every_check_has_a_line_whatever_it_found() -> None:
    signer = {"identity": "maker@acme.example", "issuer": "https://issuer.example"}
    lines = check_lines(
        a_decision(
            {"check": "sbom", "severity": "warn", "code": "SBOM_HASH_MISSING"},
            {"check": "licenses", "severity": "note", "code": "LICENSE_NOTE"},
            signer=signer,
            snapshot="2026-11-25#3",
        )
    )
    assert [line.split() for line in lines] == [
        ["verdict", "passed"],
        ["signature", "passed", "signed", "by", "maker@acme.example", "(https://issuer.example)"],
        ["sbom", "warned"],
        ["advisories", "passed", "as", "of", "2026-11-25#3"],
        ["licenses", "passed"],
        ["revocations", "passed"],
    ]
    assert len(lines) == 1 + len(Check)


def test_what_refuses_is_told_even_beside_warnings() -> None:
    lines = check_lines(
        a_decision(
            {"check": "signature", "severity": "warn", "code": "X"},
            {"check": "signature", "severity": "refuse", "code": "UNSIGNED"},
            {"check": "advisories", "severity": "warn", "code": "NO_ADVISORIES"},
        )
    )
    assert lines[0] == "verdict  refused"
    assert lines[1].split() == ["signature", "refused"]
    assert lines[3].split() == ["advisories", "warned", "no", "advisories", "imported"]


def test_the_worst_reason_comes_first_and_says_what_to_do() -> None:
    lines = reason_lines(
        [
            {"severity": "note", "code": "ADVISORY_LOW", "message": "Low.", "subject": None},
            {"severity": "refuse", "code": "UNSIGNED", "message": "None.", "subject": "it"},
        ]
    )
    assert lines[0] == "refuse   UNSIGNED: None. (it)"
    assert lines[1].startswith("         What to do: Sign it")
    assert lines[2] == "note     ADVISORY_LOW: Low."


def test_the_same_reason_for_many_files_is_told_once() -> None:
    few = reason_lines({**LICENSE_MISSING, "subject": name} for name in "abc")
    assert few[0] == "warn     LICENSE_MISSING: None stated. (a, b, c)"
    assert len(few) == 2
    many = reason_lines({**LICENSE_MISSING, "subject": name} for name in "abcdefg")
    assert many[0] == "warn     LICENSE_MISSING: None stated. (a, b, c, d and 3 more)"


def test_a_reason_that_this_command_does_not_know_is_shown_all_the_same() -> None:
    lines = reason_lines([{"severity": "warn", "code": "FROM_LATER", "message": "New."}])
    assert lines == ["warn     FROM_LATER: New."]
