"""From a package to a version that can be cast, listed, read and withdrawn."""

from tests.modules.guests import guest
from tests.support.e2e import Caster, WholePlatform, fresh_spell, problem
from tests.support.e2e_packages import METERED, package, says
from tests.support.signing import MAKER


async def test_a_published_package_is_a_version_with_its_address(caster: Caster) -> None:
    key = fresh_spell()
    archive = package(key, guest("echo"), version="1.2.3-beta.1", pricing=METERED)
    first = await caster.upload(archive)
    assert first.status_code == 201
    assert first.headers["location"] == f"/v1/spells/{key}/versions/1.2.3-beta.1"
    assert first.json()["created"] is True
    assert first.json()["decision"]["passed"] is True
    assert first.json()["decision"]["signer"]["identity"] == MAKER.email

    version = (await caster.get(first.headers["location"])).json()
    assert (version["key"], version["version"], version["state"]) == (
        key,
        "1.2.3-beta.1",
        "published",
    )
    assert version["package_digest"] == first.json()["package_digest"]
    assert version["limits"]["memory_bytes_max"] == 4 * 1024**2
    # 100 base, 100 million fuel at 7, 2000 ms at 3, one MiB out at 1000.
    assert version["worst_case_cost_micros"] == 100 + 700 + 6000 + 1000
    assert version["schemas"] == {"input": {}, "output": {}}
    assert version["verified"] is True


async def test_the_same_package_again_changes_nothing(caster: Caster) -> None:
    archive = package(fresh_spell(), guest("echo"))
    first, second = await caster.upload(archive), await caster.upload(archive)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["created"] is False
    assert second.headers["location"] == first.headers["location"]
    assert second.json()["package_digest"] == first.json()["package_digest"]


async def test_the_newest_published_version_is_the_spell(caster: Caster) -> None:
    key = fresh_spell()
    for version in ("1.0.0", "1.1.0"):
        await caster.publish(package(key, says(f'"{version}"'.encode()), version=version))
    assert (await caster.get(f"/v1/spells/{key}")).json()["version"] == "1.1.0"
    versions = (await caster.get(f"/v1/spells/{key}/versions")).json()
    assert [v["version"] for v in versions] == ["1.1.0", "1.0.0"]
    assert (await caster.ended(key))["result"] == "1.1.0"
    assert (await caster.ended(key, version="1.0.0"))["result"] == "1.0.0"


async def test_a_yanked_version_can_be_read_but_not_cast_until_it_is_brought_back(
    caster: Caster, stranger: Caster
) -> None:
    key = fresh_spell()
    for version in ("1.0.0", "2.0.0"):
        await caster.publish(package(key, says(f'"{version}"'.encode()), version=version))
    address = f"/v1/spells/{key}/versions/2.0.0"
    problem(await stranger.post(f"{address}:yank"), 404, "SPELL_NOT_FOUND")
    assert (await caster.post(f"{address}:yank")).status_code == 204
    assert (await stranger.get(address)).json()["state"] == "yanked"
    gone = problem(await stranger.cast(key, version="2.0.0"), 410, "SPELL_YANKED")
    assert gone["details"] == {"spell": key, "version": "2.0.0"}
    assert (await stranger.ended(key))["result"] == "1.0.0", "the newest that is left"
    assert (await caster.post(f"{address}:unyank")).status_code == 204
    assert (await stranger.ended(key))["result"] == "2.0.0"
    assert await stranger.open_holds() == 0


async def test_a_spell_without_a_castable_version_is_not_found(caster: Caster) -> None:
    key = fresh_spell()
    await caster.publish(package(key, guest("echo")))
    await caster.post(f"/v1/spells/{key}/versions/1.0.0:yank")
    problem(await caster.get(f"/v1/spells/{key}"), 404, "SPELL_NOT_FOUND")
    problem(await caster.cast(key), 404, "SPELL_NOT_FOUND")


async def test_a_private_spell_is_there_for_its_maker_only(
    caster: Caster, stranger: Caster
) -> None:
    key = fresh_spell()
    await caster.publish(package(key, guest("echo"), visibility="private"))
    assert (await caster.ended(key, {"mine": True}))["result"] == {"mine": True}
    for path in ("", "/versions", "/versions/1.0.0"):
        assert (await caster.get(f"/v1/spells/{key}{path}")).status_code == 200
        problem(await stranger.get(f"/v1/spells/{key}{path}"), 404, "SPELL_NOT_FOUND")
    problem(await stranger.cast(key), 404, "SPELL_NOT_FOUND")
    assert key in await _listed(caster)
    assert key not in await _listed(stranger)


async def test_an_unlisted_spell_is_there_for_those_who_know_its_key(
    caster: Caster, stranger: Caster
) -> None:
    key = fresh_spell()
    await caster.publish(package(key, guest("echo"), visibility="unlisted"))
    assert key not in await _listed(stranger)
    assert (await stranger.get(f"/v1/spells/{key}")).status_code == 200
    assert (await stranger.ended(key, [1]))["result"] == [1]


async def test_a_spell_keeps_the_visibility_of_its_first_version(caster: Caster) -> None:
    key = fresh_spell()
    await caster.publish(package(key, guest("echo"), visibility="private"))
    answer = await caster.upload(package(key, guest("echo"), version="2.0.0"))
    refused = problem(answer, 422, "MANIFEST_INVALID")
    assert refused["details"]["errors"][0]["field"] == "spell.visibility"


async def test_pages_of_spells_have_no_gap_and_no_repeat(
    platform: WholePlatform, caster: Caster
) -> None:
    for name in ("echo", "metered", "free"):
        await platform.spell(name)
    whole = await _listed(caster)
    assert whole == sorted(set(whole))
    assert len(whole) > 2
    assert await _listed(caster, limit=2) == whole


async def _listed(caster: Caster, limit: int = 100) -> list[str]:
    """The keys of all spells that the account sees, page by page."""
    keys: list[str] = []
    query: dict[str, str | int] = {"limit": limit}
    while True:
        page = (await caster.get("/v1/spells", params=query)).json()
        assert len(page["items"]) <= limit
        keys += [item["key"] for item in page["items"]]
        if page["next_cursor"] is None:
            return keys
        query["cursor"] = page["next_cursor"]
