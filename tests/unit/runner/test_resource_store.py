from runner.processes.guest_run import Finished
from runner.processes.sandbox_process import SandboxProcess
from runner.resource_store import ResourceStore
from schema.contracts.run import RunPolicy
from schema.ids import sha256_digest
from schema.packaging.tar_writing import write_tar
from tests.unit.runner.conftest import Reach, RunGuest

ARCHIVES = [write_tar({"resources/number": str(number).encode()}) for number in range(10)]


async def test_a_process_that_has_run_with_many_resources_can_still_run_with_the_first(
    run_on: RunGuest,
) -> None:
    """A process keeps a few trees. Which ones it has let go must be known where they are given."""
    content = {sha256_digest(archive): archive for archive in ARCHIVES}

    async def fetch(digest: str) -> bytes:
        return content[digest]

    store = ResourceStore(fetch)
    process = await SandboxProcess.start()
    try:
        for digest in [*content, *content]:
            await store.provide(process, digest)
            reach = Reach(policy=RunPolicy(fs_read=["resources"], resources_digest=digest))
            end = await run_on(process, "hello", reach=reach)
            assert isinstance(end, Finished)
            assert end.report.code is None
        assert len(process.resources) < len(content)
    finally:
        await process.close()
