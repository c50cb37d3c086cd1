"""A spell's folder as a repository of the local GitHub, and one run of it, as a cast has it."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from activities.actions_artifacts import Unpacking
from infra.github.actions_host import GitHubActions
from infra.github.app import GitHubApp
from schema.contracts.actions import ActionsArtifact, ActionsLook, ActionsState
from schema.contracts.plans import ActionsPlan, Mode
from schema.ids import cast_id_for
from schema.manifest import parse_manifest
from tests.support.local_github import APP_ID, LocalGitHub

_SECONDS_MAX = 60
CAST_ID = cast_id_for(f"acct_{'a' * 16}", b"secret", "key")


@dataclass
class Left:
    """What a run left, as its cast gives it."""

    look: ActionsLook
    logs: str
    output: bytes | None = None
    artifacts: dict[str, bytes] = field(default_factory=dict)


def host_of(server: LocalGitHub) -> GitHubActions:
    """The platform's adapter, as the server's App."""
    app = GitHubApp(
        api_url=server.url,
        pages_url=server.url,
        app_id=str(APP_ID),
        slug=server.app.slug,
        key=server.key,
    )
    return GitHubActions(app)


def plan_of(folder: Path) -> ActionsPlan:
    """What a cast of the spell in the folder runs."""
    manifest = parse_manifest((folder / "manifest.toml").read_bytes())
    target = manifest.actions()
    assert target is not None
    return ActionsPlan(
        mode=Mode.WORKFLOW,
        spell_key=manifest.spell.key,
        version=manifest.spell.version,
        package_digest="sha256:" + "0" * 64,
        price=manifest.price(),
        maker_account_id="acct_" + "m" * 16,
        **{name: getattr(target, name) for name in type(target).model_fields},
    )


def push(server: LocalGitHub, folder: Path) -> None:
    """The folder, unmodified, as the repository that its manifest names; the App is installed."""
    repo = plan_of(folder).repo
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    server.repository(repo, files)
    server.install(repo.partition("/")[0])


def run_once(server: LocalGitHub, folder: Path, inputs: bytes) -> Left:
    """Dispatch one run, wait for its end, and take what it left."""
    host, plan = host_of(server), plan_of(folder)
    host.check(plan)
    with _inputs_once(inputs) as address:
        run = host.dispatch(plan, CAST_ID, {"inputs_url": address})
        assert run is not None
        ends_at = time.monotonic() + _SECONDS_MAX
        while (look := host.look(run)).state is not ActionsState.COMPLETED:
            assert time.monotonic() < ends_at, f"the run stayed {look.state}"
            time.sleep(0.05)
    left = Left(look, host.logs(run, 64 * 1024).decode())

    async def download(artifact: ActionsArtifact, bytes_max: int) -> bytes:
        return host.download(run, artifact, bytes_max)

    async def keep(name: str, content: bytes) -> None:
        left.artifacts[name] = content

    async def unpack() -> None:
        unpacking = Unpacking(download, keep, plan.limits.artifact_bytes_max)
        for artifact in host.artifacts(run):
            await unpacking.take(artifact)
        left.output = unpacking.output

    asyncio.run(unpack())
    return left


@contextmanager
def _inputs_once(inputs: bytes) -> Iterator[str]:
    """An address that gives the inputs to the first who asks."""
    given = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            status = 410 if given.is_set() else 200
            given.set()
            self.send_response(status)
            self.end_headers()
            if status == 200:
                self.wfile.write(inputs)

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/run-inputs/token"
        finally:
            server.shutdown()
            thread.join()
