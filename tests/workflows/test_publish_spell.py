"""Goal: every reason is told, nothing refused is compiled, everybody learns the end."""

import pytest
from temporalio.client import Client

from tests.support.actions import TARGET
from tests.support.publishing import REPOSITORY_ID, ScriptedPublishing

CHECKS = ["signature", "sbom", "advisories", "licenses", "standing"]


async def test_a_package_that_passes_goes_through_every_step_in_order(client: Client) -> None:
    platform = ScriptedPublishing(client, {})
    async with platform.worker:
        result = await (await platform.start()).result()
    assert platform.ran == ["open", *CHECKS, "module", "record", "conclude"]
    assert result.created
    assert result.publication_id == platform.request.publication_id
    assert platform.concluded == [result]


async def test_repositories_are_looked_at_before_the_checks(client: Client) -> None:
    platform = ScriptedPublishing(client, {}, TARGET)
    async with platform.worker:
        result = await (await platform.start()).result()
    assert platform.ran == ["open", "repositories", *CHECKS, "module", "record", "conclude"]
    assert result.created


async def test_what_github_calls_the_repository_for_good_is_published(client: Client) -> None:
    platform = ScriptedPublishing(client, {}, TARGET)
    async with platform.worker:
        await (await platform.start()).result()
    (package,) = platform.recorded
    assert package.actions == TARGET.model_copy(update={"repository_id": REPOSITORY_ID})


async def test_a_repository_that_is_not_the_makers_ends_it_at_once(client: Client) -> None:
    platform = ScriptedPublishing(client, {"repositories": "GITHUB_NOT_CONNECTED"}, TARGET)
    async with platform.worker:
        result = await (await platform.start()).result()
    assert result.problem is not None
    assert result.problem.code == "GITHUB_NOT_CONNECTED"
    assert platform.ran == ["open", "repositories", "conclude"]
    assert platform.concluded == [result]


async def test_all_reasons_of_all_checks_come_together(client: Client) -> None:
    refuse = {
        "signature": "UNSIGNED",
        "sbom": "SBOM_MISSING",
        "licenses": "LICENSE_DENIED",
        "standing": "REVOKED_SPELL",
    }
    platform = ScriptedPublishing(client, refuse)
    async with platform.worker:
        result = await (await platform.start()).result()
    assert result.problem is not None
    assert result.problem.code == "SPELL_UNVERIFIED"
    told = [each["code"] for each in result.problem.details["reasons"]]
    assert told == list(refuse.values())
    assert result.decision is not None
    assert not result.decision.passed
    # Nothing is compiled for a package that is refused already.
    assert platform.ran == ["open", *CHECKS, "conclude"]


@pytest.mark.parametrize("check", CHECKS)
async def test_one_refusing_check_is_enough(client: Client, check: str) -> None:
    platform = ScriptedPublishing(client, {check: "UNSIGNED"})
    async with platform.worker:
        result = await (await platform.start()).result()
    assert result.problem is not None
    assert result.problem.code == "SPELL_UNVERIFIED"
    assert "record" not in platform.ran


@pytest.mark.parametrize(
    ("step", "code", "ran"),
    [
        ("open", "PACKAGE_INVALID", ["open"]),
        ("module", "MODULE_INVALID", ["open", *CHECKS, "module"]),
        ("record", "VERSION_EXISTS", ["open", *CHECKS, "module", "record"]),
    ],
)
async def test_a_step_that_refuses_ends_the_publication_with_its_code(
    client: Client, step: str, code: str, ran: list[str]
) -> None:
    platform = ScriptedPublishing(client, {step: code})
    async with platform.worker:
        result = await (await platform.start()).result()
    assert result.problem is not None
    assert result.problem.code == code
    assert platform.ran == [*ran, "conclude"]
    assert platform.concluded == [result]
