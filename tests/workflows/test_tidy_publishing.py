"""Goal: nothing that publishing left stays for ever. Method: leave it, look, read what is there."""

import uuid
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from temporalio.client import Client
from temporalio.worker import Worker

from activities.tidying import PUBLICATION_AGE_SECONDS_MIN, TidyingActivities
from infra.blob_store import ObjectBlobStore
from infra.postgres import Database
from infra.repositories.publications import PostgresPublications
from infra.repositories.uploads import BlobUploads
from infra.temporal_states import TemporalWorkflowStates
from schema.contracts.maintenance import TidyReport
from schema.contracts.publish import PublicationView, PublishInput, UploadOrder
from schema.ids import publish_workflow_id, sha256_digest, upload_id_for
from tests.support.builders import make_person, publish
from tests.support.fakes import ScriptedRunBus
from tests.support.publishing import a_publication
from workflows.publish_spell import PublishSpell
from workflows.tidy_publishing import TidyPublishing

CONTENT = b"an archive, as far as anybody knows"
ORDER = UploadOrder(package_digest=sha256_digest(CONTENT), package_bytes=len(CONTENT) + 1)
QUEUE_WITHOUT_WORKERS = "nobody-listens"


class Tidying:
    """The real activities, over what a test leaves behind."""

    def __init__(self, client: Client, database: Database, folder: Path) -> None:
        self.client, self.database, self.folder = client, database, folder
        self.publications = PostgresPublications(database)
        self.uploads = BlobUploads(database, ObjectBlobStore(f"file://{folder}"))
        self.bus = ScriptedRunBus(lambda _: None)

    async def look(self) -> TidyReport:
        activities = TidyingActivities(
            self.publications, self.uploads, TemporalWorkflowStates(self.client), self.bus
        )
        queue = f"tidying-{uuid.uuid4()}"
        async with Worker(
            self.client,
            task_queue=queue,
            workflows=[TidyPublishing],
            activities=[activities.close_publications, activities.purge_uploads],
        ):
            return await self.client.execute_workflow(
                TidyPublishing.run, id=queue, task_queue=queue
            )

    async def publication(self, *, package_digest: str = "", account_id: str) -> PublishInput:
        """A publication that was begun long ago, and nothing more."""
        request = a_publication(account_id=account_id)
        if package_digest:
            request = request.model_copy(update={"package_digest": package_digest})
        await self.publications.begin(request)
        await self._age("publications", "created_at", request.publication_id)
        return request

    async def upload(self, account_id: str, *, expired: bool) -> str:
        """An upload of which a part has arrived."""
        upload_id = upload_id_for(account_id, b"secret", uuid.uuid4().hex)
        await self.uploads.begin(account_id, upload_id, ORDER, None)
        await self.uploads.append(account_id, upload_id, 0, CONTENT)
        if expired:
            await self._age("uploads", "expires_at", upload_id)
        return upload_id

    async def _age(self, table: str, column: str, row_id: str) -> None:
        age = timedelta(days=1, seconds=PUBLICATION_AGE_SECONDS_MIN + 1)
        async with self.database.transaction() as connection:
            statement = (
                f"UPDATE {table} SET {column} = {column} - CAST(:age AS interval) WHERE id = :id"
            )
            await connection.execute(text(statement), {"age": age, "id": row_id})

    async def view(self, request: PublishInput) -> PublicationView:
        view = await self.publications.publication(request.account_id, request.publication_id)
        assert view is not None
        return view

    def chunks(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


async def test_a_publication_whose_workflow_was_terminated_is_ended_and_one_that_runs_is_left(
    client: Client, database: Database, tmp_path: Path
) -> None:
    tidying = Tidying(client, database, tmp_path)
    account = (await make_person(database)).account_id
    requests = [await tidying.publication(account_id=account) for _ in range(3)]
    doomed, running, lost = requests
    for request in (doomed, running):
        await client.start_workflow(
            PublishSpell.run,
            request,
            id=publish_workflow_id(request.publication_id),
            task_queue=QUEUE_WITHOUT_WORKERS,
        )
    handle = client.get_workflow_handle(publish_workflow_id(doomed.publication_id))
    await handle.terminate("an operator in a hurry")
    report = await tidying.look()
    assert {doomed.publication_id, lost.publication_id} <= set(report.closed)
    assert running.publication_id not in report.closed
    assert (await tidying.view(running)).state == "running"
    for request in (doomed, lost):
        view = await tidying.view(request)
        assert view.state == "refused"
        assert view.result is not None
        assert view.result.problem is not None
        assert view.result.problem.code == "INTERNAL"
        assert "new Idempotency-Key" in view.result.problem.message
        (event,) = await tidying.publications.events(request.publication_id, after=0)
        assert event.kind == "refused"
    assert not set((await tidying.look()).closed) & {each.publication_id for each in requests}
    await client.get_workflow_handle(publish_workflow_id(running.publication_id)).terminate()


async def test_a_publication_that_lost_its_workflow_after_it_published_is_published(
    client: Client, database: Database, tmp_path: Path
) -> None:
    tidying = Tidying(client, database, tmp_path)
    maker = await make_person(database)
    package = await publish(database, maker)
    request = await tidying.publication(
        account_id=maker.account_id, package_digest=package.package_digest
    )
    assert request.publication_id in (await tidying.look()).closed
    result = (await tidying.view(request)).result
    assert result is not None
    assert (result.spell_key, result.version) == (package.spell_key, package.version)
    assert result.problem is None


async def test_a_publication_that_just_began_is_left(
    client: Client, database: Database, tmp_path: Path
) -> None:
    tidying = Tidying(client, database, tmp_path)
    request = a_publication(account_id=(await make_person(database)).account_id)
    await tidying.publications.begin(request)
    assert request.publication_id not in (await tidying.look()).closed


async def test_uploads_past_their_time_go_with_their_chunks_and_others_stay(
    client: Client, database: Database, tmp_path: Path
) -> None:
    tidying = Tidying(client, database, tmp_path)
    account = (await make_person(database)).account_id
    for _ in range(20):
        await tidying.upload(account, expired=True)
    kept = await tidying.upload(account, expired=False)
    assert len(tidying.chunks()) == 21
    assert (await tidying.look()).purged == 20
    assert len(tidying.chunks()) == 1
    view, _ = await tidying.uploads.find(account, kept)
    assert view.offset == len(CONTENT)
    assert (await tidying.look()).purged == 0


async def test_an_upload_past_its_time_begins_anew_under_its_own_key(
    client: Client, database: Database, tmp_path: Path
) -> None:
    tidying = Tidying(client, database, tmp_path)
    account = (await make_person(database)).account_id
    for _ in range(20):
        await tidying.upload(account, expired=True)
    upload_id = await tidying.upload(account, expired=True)
    again = await tidying.uploads.begin(account, upload_id, ORDER, None)
    assert (again.offset, len(tidying.chunks())) == (0, 20)
    await tidying.look()
