"""Goal: publications are begun once, end once, and are nobody else's trouble."""

import asyncio

import pytest

from infra.postgres import Database
from infra.repositories.publications import PostgresPublications
from schema.contracts.publish import PublishResult
from schema.errors import SpellError
from schema.ids import sha256_digest
from schema.limits import PUBLICATIONS_RUNNING_MAX
from tests.support.builders import make_person
from tests.support.publishing import a_publication


async def test_an_account_has_so_many_publications_running_and_no_more(database: Database) -> None:
    publications = PostgresPublications(database)
    account = (await make_person(database)).account_id
    requests = [a_publication(account_id=account) for _ in range(PUBLICATIONS_RUNNING_MAX + 3)]
    answers = await asyncio.gather(
        *(publications.begin(each) for each in requests), return_exceptions=True
    )
    refused = [answer for answer in answers if answer is not None]
    assert [getattr(each, "code", each) for each in refused] == ["TOO_MANY_UPLOADS"] * 3
    begun = [one for one, answer in zip(requests, answers, strict=True) if answer is None]
    # The same again joins, and another account is not concerned.
    await publications.begin(begun[0])
    await publications.begin(a_publication(account_id=(await make_person(database)).account_id))
    ended = PublishResult(package_digest=begun[0].package_digest, created=True)
    await publications.conclude(begun[0].publication_id, ended)
    await publications.begin(a_publication(account_id=account))


async def test_a_key_is_not_used_for_another_package(database: Database) -> None:
    publications = PostgresPublications(database)
    request = a_publication(account_id=(await make_person(database)).account_id)
    await publications.begin(request)
    for changes in ({"package_digest": sha256_digest(b"x")}, {"bundle_digest": sha256_digest(b"")}):
        with pytest.raises(SpellError, match="IDEMPOTENCY_CONFLICT"):
            await publications.begin(request.model_copy(update=changes))


async def test_the_first_end_of_a_publication_stays_and_is_its_result(database: Database) -> None:
    publications = PostgresPublications(database)
    request = a_publication(account_id=(await make_person(database)).account_id)
    await publications.begin(request)
    assert await publications.result(request.publication_id) is None
    first = PublishResult(package_digest=request.package_digest, created=True)
    await publications.conclude(request.publication_id, first)
    await publications.conclude(request.publication_id, first.model_copy(update={"created": False}))
    assert await publications.result(request.publication_id) == first
