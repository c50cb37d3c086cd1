"""Bills of materials of versions: over HTTP, from real packages in storage, for whom they are."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from api.deps import Services
from api.main import create_app
from infra.blob_store import ObjectBlobStore
from infra.postgres import Database
from infra.published_bills import PackagedBills
from infra.repositories.accounts import PostgresAccounts
from infra.supply_chain.bill_reader import KillableBillReader
from infra.supply_chain.bills.reading import read_bill, write_bill
from schema.blob_keys import converted_bill_key, package_key
from schema.contracts.bill import BillFamily
from schema.ids import sha256_digest
from schema.package import build_package
from tests.support.bills import a_bill
from tests.support.builders import PEPPER, Person, make_person, publish
from tests.support.e2e_packages import files_of, says

CYCLONEDX = write_bill(a_bill(), BillFamily.CYCLONEDX)
ONE = {"cdx": CYCLONEDX}
SPDX = write_bill(a_bill(), BillFamily.SPDX)


class World:
    """The API over one real database, with packages in a folder."""

    def __init__(self, database: Database, folder: Path, reader: KillableBillReader) -> None:
        self.database = database
        self.blobs = ObjectBlobStore(f"file://{folder}")
        accounts = PostgresAccounts(database, pepper=PEPPER)
        bills = PackagedBills(database, self.blobs, reader)
        unused = dict.fromkeys(Services.__dataclass_fields__, cast("Any", None))
        application = create_app()
        application.state.services = Services(**{**unused, "accounts": accounts, "bills": bills})
        transport = httpx.ASGITransport(application)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://api")

    async def publish(
        self, maker: Person, visibility: str = "public", *, bills: dict[str, bytes]
    ) -> str:
        """A version with what lies in its package; the path of its bill."""
        made = await publish(self.database, maker, visibility=visibility)
        packaged = {f"sbom.{name}.json": content for name, content in bills.items()}
        archive = build_package(files_of(made.spell_key, says()) | packaged)
        await self.blobs.put(package_key(made.package_digest), archive)
        return f"/v1/spells/{made.spell_key}/versions/{made.version}/sbom"

    async def get(self, path: str, person: Person) -> httpx.Response:
        headers = {"Authorization": f"Bearer {person.key_text}"}
        return await self.http.get(path, headers=headers)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with KillableBillReader(children=1) as reader:
        made = World(database, tmp_path, reader)
        async with made.http:
            yield made


@pytest.fixture
async def maker(database: Database) -> Person:
    return await make_person(database)


@pytest.fixture
async def stranger(database: Database) -> Person:
    return await make_person(database)


@pytest.mark.parametrize(
    ("suffix", "content", "media_type"),
    [
        ("cdx", CYCLONEDX, "application/vnd.cyclonedx+json"),
        ("spdx", SPDX, "application/spdx+json"),
    ],
)
async def test_a_bill_comes_as_it_was_published_to_whoever_sees_the_spell(
    world: World, maker: Person, stranger: Person, suffix: str, content: bytes, media_type: str
) -> None:
    path = await world.publish(maker, bills={suffix: content})
    same = {"cdx": "cyclonedx", "spdx": "spdx"}[suffix]
    for query in ("", "?format=original", f"?format={same}"):
        answer = await world.get(path + query, stranger)
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["content-type"] == media_type
        assert answer.headers["content-disposition"].endswith(f'-1.0.0.{suffix}.json"')


async def test_a_bill_is_converted_and_says_the_same(
    world: World, maker: Person, stranger: Person
) -> None:
    path = await world.publish(maker, bills=ONE)
    answer = await world.get(f"{path}?format=spdx", stranger)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/spdx+json"
    assert answer.headers["content-disposition"].endswith('.spdx.json"')
    bill = read_bill(answer.content).bill
    assert bill is not None
    assert bill.components == a_bill().components
    assert (await world.get(f"{path}?format=spdx", maker)).content == answer.content


async def test_the_bill_of_a_private_spell_is_its_makers_alone(
    world: World, maker: Person, stranger: Person
) -> None:
    path = await world.publish(maker, "private", bills=ONE)
    assert (await world.get(path, maker)).status_code == 200
    for query in ("", "?format=spdx"):
        answer = await world.get(path + query, stranger)
        assert (answer.status_code, answer.json()["code"]) == (404, "SPELL_NOT_FOUND")


async def test_a_version_without_a_bill_says_so(world: World, maker: Person) -> None:
    answer = await world.get(await world.publish(maker, bills={}), maker)
    assert (answer.status_code, answer.json()["code"]) == (404, "SBOM_NOT_FOUND")


async def test_a_bill_that_nobody_can_read_comes_as_it_is_or_not_at_all(
    world: World, maker: Person
) -> None:
    path = await world.publish(maker, bills={"cdx": b'{"bomFormat": "CycloneDX"}'})
    assert (await world.get(path, maker)).content == b'{"bomFormat": "CycloneDX"}'
    answer = await world.get(f"{path}?format=spdx", maker)
    assert (answer.status_code, answer.json()["code"]) == (422, "SBOM_NOT_CONVERTIBLE")
    (reason,) = answer.json()["details"]["reasons"]
    assert reason["code"] == "SBOM_FORMAT_UNSUPPORTED"


@pytest.mark.parametrize("wrong", ["?format=xml", "?format=SPDX", "?format="])
async def test_another_format_is_wrong_use(world: World, maker: Person, wrong: str) -> None:
    answer = await world.get(await world.publish(maker, bills=ONE) + wrong, maker)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")


async def test_a_conversion_is_made_once(world: World, maker: Person) -> None:
    path = await world.publish(maker, bills=ONE)
    first = await world.get(f"{path}?format=spdx", maker)
    key = converted_bill_key(sha256_digest(CYCLONEDX), "spdx")
    assert await world.blobs.get(key) == first.content
    await world.blobs.put(key, b"kept")
    assert (await world.get(f"{path}?format=spdx", maker)).content == b"kept"
