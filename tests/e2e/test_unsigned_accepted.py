"""A platform whose operator lets unsigned packages pass, and says so for all to read."""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from schema.package import build_package
from tests.modules.guests import guest
from tests.support.bills import with_bill
from tests.support.e2e import WholePlatform, fresh_spell, problem, whole_platform
from tests.support.e2e_packages import files_of


@pytest.fixture(scope="module")
async def lenient() -> AsyncIterator[WholePlatform]:
    """Started by a user who has set the variable: the user's variables win."""
    external = {"SPELL_ACCEPT_UNSIGNED_PACKAGES": "true"}
    with TemporaryDirectory(prefix="spell-e2e-") as folder:
        async with whole_platform(Path(folder) / "data", external) as started:
            yield started


async def test_what_is_missing_is_warned_of_and_what_is_wrong_is_refused(
    lenient: WholePlatform,
) -> None:
    caster = await lenient.new_caster(10_000_000)
    key = fresh_spell()
    files = files_of(key, guest("echo"))
    answer = await caster.send(build_package(files))
    assert answer.status_code == 201, answer.text
    decision = answer.json()["decision"]
    assert (decision["passed"], decision["signer"]) == (True, None)
    warned = {each["code"] for each in decision["reasons"] if each["severity"] == "warn"}
    assert {"UNSIGNED", "SBOM_MISSING"} <= warned
    assert (await caster.ended(key, {"a": 1}))["result"] == {"a": 1}
    another = build_package(with_bill(files_of(key, guest("echo"), version="1.0.1")))
    problem(await caster.send(another, b"{}"), 403, "SPELL_UNVERIFIED")


def test_the_workers_log_says_loudly_that_nobody_vouches(lenient: WholePlatform) -> None:
    loud = [line for line in lenient.logs.lines if "UNSIGNED PACKAGES ARE ACCEPTED" in line]
    assert loud
    assert all(line.startswith("worker") for line in loud)
