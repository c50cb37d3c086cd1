"""Who may sign: rules of the manifest and of the maker, on a signer that was verified."""

from datetime import UTC, datetime
from typing import Any

import pytest

from schema.contracts.supply_chain import IdentityRule, Severity, Signer
from schema.errors import SpellError
from schema.manifest import parse_manifest
from schema.packaging.manifest_sections import SupplyChainSection
from schema.supply_chain.identities import (
    GITHUB_ISSUER,
    expected_signer,
    fits,
    identity_reasons,
    rule_of,
)
from tests.support.e2e_packages import manifest

ACME = "https://oidc.acme.example"
PERSON = Signer(
    identity="maker@acme.example",
    issuer=ACME,
    signed_at=datetime(2026, 11, 1, tzinfo=UTC),
    key_digest="sha256:" + "0" * 64,
)
WORKFLOW = PERSON.model_copy(
    update={
        "identity": "https://github.com/acme/words/.github/workflows/publish.yml@refs/tags/v1.2",
        "issuer": GITHUB_ISSUER,
        "repository": "acme/words",
        "ref": "refs/tags/v1.2",
        "workflow": "publish",
    }
)


def rule(issuer: str = ACME, **members: Any) -> IdentityRule:
    return IdentityRule(issuer=issuer, **members)


def codes(signer: Signer, expected: IdentityRule | None, *allowed: IdentityRule) -> list[str]:
    return [reason.code for reason in identity_reasons(signer, expected, allowed)]


def test_anybody_signs_first_where_nobody_is_named() -> None:
    assert codes(PERSON, None) == []


@pytest.mark.parametrize(
    ("signer", "given", "found"),
    [
        (PERSON, rule(identity="maker@acme.example"), []),
        (PERSON, rule(identity="Maker@acme.example"), ["IDENTITY_MISMATCH"]),
        (PERSON, rule(identity="maker@acme.example.evil.example"), ["IDENTITY_MISMATCH"]),
        (PERSON, rule(identity="maker@acme.*"), ["IDENTITY_MISMATCH"]),
        (PERSON, rule("https://other.example", identity=PERSON.identity), ["ISSUER_MISMATCH"]),
        (PERSON, rule(ACME + "/", identity=PERSON.identity), ["ISSUER_MISMATCH"]),
        (PERSON, rule(repository="acme/words"), ["REPOSITORY_MISMATCH"]),
        (WORKFLOW, rule(GITHUB_ISSUER, repository="acme/words"), []),
        (WORKFLOW, rule(GITHUB_ISSUER, repository="acme/word"), ["REPOSITORY_MISMATCH"]),
        (WORKFLOW, rule(GITHUB_ISSUER, repository="acme/*"), ["REPOSITORY_MISMATCH"]),
        (WORKFLOW, rule(GITHUB_ISSUER, repository="acme/words", ref="refs/tags/v1.2"), []),
        (WORKFLOW, rule(GITHUB_ISSUER, repository="acme/words", ref="refs/tags/*"), []),
        (WORKFLOW, rule(GITHUB_ISSUER, repository="acme/words", ref="refs/tags/v*"), []),
        (WORKFLOW, rule(GITHUB_ISSUER, repository="acme/words", ref="*"), []),
        (WORKFLOW, rule(GITHUB_ISSUER, ref="refs/heads/*"), ["REF_MISMATCH"]),
        (WORKFLOW, rule(GITHUB_ISSUER, ref="refs/*/v1.2"), ["REF_MISMATCH"]),
        (
            WORKFLOW,
            rule(identity="x", repository="x/y", ref="refs/heads/main"),
            ["IDENTITY_MISMATCH", "ISSUER_MISMATCH", "REPOSITORY_MISMATCH", "REF_MISMATCH"],
        ),
    ],
)
def test_every_member_of_a_rule_that_is_set_must_fit(
    signer: Signer, given: IdentityRule, found: list[str]
) -> None:
    assert codes(signer, given) == found
    assert codes(signer, None, given) == found
    assert fits(signer, given) == (found == [])


def test_one_of_the_makers_rules_is_enough() -> None:
    other = rule(identity="other@acme.example")
    assert codes(PERSON, None, other, rule(identity=PERSON.identity)) == []


def test_the_manifest_and_the_maker_must_both_agree() -> None:
    mine, other = rule(identity=PERSON.identity), rule(identity="other@acme.example")
    assert codes(PERSON, other, mine) == ["IDENTITY_MISMATCH"]
    assert codes(PERSON, mine, other) == ["IDENTITY_MISMATCH"]


def test_of_several_rules_the_closest_is_explained() -> None:
    far, near = rule("https://x.example", identity="x"), rule(identity="other@acme.example")
    assert codes(PERSON, None, far, near) == ["IDENTITY_MISMATCH"]


def test_a_reason_says_what_was_found_and_what_was_expected() -> None:
    [reason] = identity_reasons(PERSON, rule(identity="other@acme.example"), [])
    assert reason.severity is Severity.REFUSE
    assert "'maker@acme.example'" in reason.message
    assert "'other@acme.example'" in reason.message
    assert reason.details["found"] == PERSON.identity


def test_a_name_that_plays_with_terminals_is_shown_calmly() -> None:
    evil = PERSON.model_copy(update={"identity": "\x1b[2Jmaker@acme.example"})
    [reason] = identity_reasons(evil, rule(identity="maker@acme.example"), [])
    assert "\x1b" not in reason.message


def test_a_person_is_pinned_by_name_and_a_workflow_by_repository() -> None:
    assert rule_of(PERSON) == rule(identity="maker@acme.example")
    assert rule_of(WORKFLOW) == rule(GITHUB_ISSUER, repository="acme/words")
    next_release = WORKFLOW.model_copy(update={"ref": "refs/tags/v2", "identity": "…@refs/tags/v2"})
    assert fits(next_release, rule_of(WORKFLOW))


def test_a_manifest_that_names_nobody_expects_nobody() -> None:
    assert expected_signer(SupplyChainSection()) is None


def _supply_chain(text: str) -> bytes:
    return manifest("com.acme.words") + b"\n[supply_chain]\n" + text.encode()


def test_a_manifest_names_a_repository_and_refs() -> None:
    parsed = parse_manifest(
        _supply_chain(
            f'issuer = "{GITHUB_ISSUER}"\nrepository = "acme/words"\nref = "refs/tags/*"\n'
        )
    )
    assert expected_signer(parsed.supply_chain) == rule(
        GITHUB_ISSUER, repository="acme/words", ref="refs/tags/*"
    )


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('identity = "maker@acme.example"', "supply_chain.identity"),
        ('repository = "acme/words"', "supply_chain.repository"),
        (f'issuer = "{ACME}"', "supply_chain.issuer"),
        (f'issuer = "{ACME}"\nidentity = "m@x"\nref = "main"', "supply_chain.ref"),
        (f'issuer = "{ACME}"\nidentity = "m@x"\nref = "refs/*/v1"', "supply_chain.ref"),
        (f'issuer = "{ACME}"\nrepository = "words"', "supply_chain.repository"),
    ],
)
def test_a_manifest_that_names_half_a_signer_is_refused(text: str, field: str) -> None:
    with pytest.raises(SpellError) as caught:
        parse_manifest(_supply_chain(text))
    assert [error["field"] for error in caught.value.details["errors"]] == [field]
