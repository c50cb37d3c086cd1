"""Spells that run on the platform's local GitHub: their repositories, runs, and what goes wrong."""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from github import Auth

from schema.canonical import canonical_json
from schema.contracts.run import Usage
from schema.package import build_package
from schema.pricing import MeteredPrice, cost_of
from tests.support.bills import with_bill
from tests.support.e2e import PATIENCE_SECONDS, Caster, Json, WholePlatform, fresh_spell
from tests.support.e2e_github import connect, github_of, local
from tests.support.e2e_packages import RUNTIME, toml
from tests.support.money import assert_books_balance

BY_TIME: Json = {
    "model": "metered",
    "currency": "USD",
    "base_micros": 100,
    "unit_micros": {"compute_ms": 2},
}
FLAT: Json = {"model": "flat", "currency": "USD", "price_micros": 500}
TIMEOUT_MS = 60_000
SCHEMAS: Json = {
    "input": {"type": "object", "required": ["ran"]},
    "output": {"type": "object", "required": ["said"], "properties": {"said": {"type": "string"}}},
}
_ABOUT = {
    "name": "For a test",
    "version": "1.0.0",
    "description": "Runs on GitHub Actions.",
    "author": "Tests",
    "license": "Apache-2.0",
    "visibility": "public",
}
_IN_SERVICE = {"language": "wat", "target": "wasm32-wasip1", **RUNTIME}
CREDIT = 10_000_000
"""What casters have before their one cast."""
_CASE = Path(__file__).parent / "workflows"
WORKFLOW_FILE = ".github/workflows/case.yml"
FILES = {
    WORKFLOW_FILE: (_CASE / "case.yml").read_bytes(),
    "case.py": (_CASE / "case.py").read_bytes(),
}
# A repository_dispatch has no inputs, but a payload.
_ON_DISPATCH = FILES[WORKFLOW_FILE].replace(b"{{ inputs.", b"{{ github.event.client_payload.")
_numbers = itertools.count()


@dataclass(frozen=True)
class LocalActions:
    """The local GitHub of a platform, as an owner of repositories and a tester see it."""

    platform: WholePlatform
    maker: Caster
    login: str
    """The maker's on GitHub."""
    http: httpx.AsyncClient
    folder: Path
    """Where runs note that they ran, and gates are."""

    async def local(self, method: str, path: str, body: Any = None) -> Any:
        """Tell the local GitHub something that the real one is not told."""
        return await local(self.http, method, path, body)

    async def repository(self, repo: str, files: dict[str, bytes]) -> None:
        """A repository with these files and no others; again: another commit."""
        owner, _, name = repo.partition("/")
        packed = {path: base64.b64encode(content).decode() for path, content in files.items()}
        await self.local("POST", "repositories", {"owner": owner, "name": name, "files": packed})

    async def own(self, owner: str) -> None:
        """An organisation of the maker's."""
        body = {"login": owner, "type": "Organization", "members": [self.login]}
        await self.local("POST", "owners", body)

    async def uninstall(self, spell: "ActionsSpell") -> None:
        """Take the App away from the owner of a spell's repository."""
        await self.local("DELETE", f"installations/{spell.repo.partition('/')[0]}")

    async def install(self, owner: str) -> None:
        """Install the platform's App with an owner."""
        await self.local("PUT", "installations", {"account": owner})

    async def spell(
        self, owner: str | None = None, dispatch: str = "workflow_dispatch", **changes: Any
    ) -> "ActionsSpell":
        """A published spell, with a repository of its own where the App is installed."""
        owner = owner or self.login
        repo, key = f"{owner}/case-{next(_numbers)}", fresh_spell()
        by_payload = {WORKFLOW_FILE: _ON_DISPATCH} if dispatch == "repository_dispatch" else {}
        await self.repository(repo, {**FILES, **by_payload})
        await self.install(owner)
        files = files_of(key, repo, dispatch=dispatch, **changes)
        await self.maker.publish(build_package(with_bill(files)))
        return ActionsSpell(self, key, repo)

    async def ask(self, repo: str, path: str, method: str = "GET") -> Json:
        """Ask the API about a repository, as the maker's user."""
        token = (await self.local("POST", f"tokens/{self.login}", {}))["token"]
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self.http.request(
            method, f"/repos/{repo}/{path}".rstrip("/"), headers=headers
        )
        document: Json = answer.raise_for_status().json()
        return document

    async def deliveries(self, repo: str) -> list[Json]:
        """What GitHub sent the App about a repository, newest first: what the App is told of it."""
        context = self.platform.embedded.context
        app = Auth.AppAuth(
            context.platform_environment["SPELL_GITHUB_APP_ID"], context.credentials.github_app_key
        )
        headers, query = {"Authorization": f"Bearer {app.token}"}, {"per_page": 100}
        answer = await self.http.get("/app/hook/deliveries", headers=headers, params=query)
        repository_id = (await self.ask(repo, ""))["id"]
        sent: list[Json] = answer.raise_for_status().json()
        return [one for one in sent if one["repository_id"] == repository_id]


@dataclass(frozen=True)
class ActionsSpell:
    """A spell, and the repository that runs it."""

    github: LocalActions
    key: str
    repo: str

    async def fault(self, kind: str, **more: Any) -> None:
        """Order a fault for this repository."""
        await self.github.local("POST", "faults", {"kind": kind, "repository": self.repo, **more})

    async def faults(self) -> list[Json]:
        """Those that are still to come."""
        ordered: list[Json] = await self.github.local("GET", "faults")
        return [fault for fault in ordered if fault["repository"] == self.repo]

    async def runs(self) -> list[Json]:
        """All its runs on GitHub."""
        found: list[Json] = (await self.github.ask(self.repo, "actions/runs"))["workflow_runs"]
        return found

    async def the_run(self) -> Json:
        """Its only run."""
        runs = await self.runs()
        assert len(runs) == 1, runs
        return runs[0]

    def case(self, **inputs: Any) -> "Case":
        """The inputs of a cast."""
        return Case(self.github.folder / f"{self.repo.replace('/', '-')}-{next(_numbers)}", inputs)


@dataclass(frozen=True)
class Case:
    """What one cast is told, and what its run tells on the machine that runs it."""

    _path: Path
    _inputs: Json = field(default_factory=dict)

    @property
    def inputs(self) -> Json:
        """For a cast; `gated` inputs wait until `open`."""
        gate = {"gate": str(self._path.with_suffix(".gate"))} if "gated" in self._inputs else {}
        told = {name: value for name, value in self._inputs.items() if name != "gated"}
        return {"say": "done", "ran": str(self._path), **gate, **told}

    def open(self) -> None:
        """Let the run go on."""
        self._path.with_suffix(".gate").touch()

    @property
    def executions(self) -> list[int]:
        """The process of every time that the work was done, however often GitHub says it was."""
        noted = self._path.read_text() if self._path.exists() else ""
        return [int(line) for line in noted.split()]

    async def begun(self) -> bool:
        """Whether the work has begun."""
        return self._path.exists()


@asynccontextmanager
async def local_actions(platform: WholePlatform, folder: Path) -> AsyncIterator[LocalActions]:
    """The platform's GitHub, with a maker who is connected with a user of it."""
    maker = await platform.new_caster()
    async with github_of(platform) as http:
        yield LocalActions(platform, maker, await connect(maker, "maker"), http, folder)


def files_of(
    key: str,
    repo: str,
    *,
    pricing: Json = BY_TIME,
    timeout_ms: int = TIMEOUT_MS,
    dispatch: str = "workflow_dispatch",
    execution: Json | None = None,
    module: bytes | None = None,
) -> dict[str, bytes]:
    """The files of a package that runs in a repository, without a bill of materials.

    With a module it offers mode `service`, too; `execution` says which is the first choice.
    """
    target = {"repo": repo, "workflow": "case.yml", "ref": "main", "dispatch": dispatch}
    price = {name: value for name, value in pricing.items() if name != "unit_micros"}
    sections = {
        "spell": {**_ABOUT, "key": key},
        "execution": execution or {"mode": "workflow"},
        "execution.workflow": {**target, "timeout_ms": timeout_ms},
        "runtime": {} if module is None else _IN_SERVICE,
        "pricing": price,
        "pricing.unit_micros": pricing.get("unit_micros", {}),
    }
    files = {"manifest.toml": toml(sections), "schema.json": canonical_json(SCHEMAS)}
    return files if module is None else {**files, "spell.wasm": module}


async def until(happened: Callable[[], Awaitable[Any]]) -> Any:
    """What it answers, as soon as that is something; GitHub tells nobody but the platform."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await happened()):  # noqa: ASYNC110  (see above)
            await asyncio.sleep(0.05)
    return found


def price_of(cast: Json) -> int:
    """What a cast costs that is paid by the time it took."""
    return cost_of(MeteredPrice.model_validate(BY_TIME), Usage.model_validate(cast["usage"]))


async def assert_succeeded_once(
    caster: Caster, spell: ActionsSpell, case: Case, cast: Json
) -> None:
    """One run, one success, one charge; each step told once."""
    assert (cast["status"], cast["billing"]) == ("succeeded", "settled"), cast
    assert cast["result"] == {"said": "done"}
    assert cast["cost"]["micros"] == price_of(cast)
    assert (await spell.the_run())["display_title"] == cast["cast_id"]
    assert len(case.executions) == 1
    events = await caster.events(cast["cast_id"])
    assert [event.kind for event in events if event.kind != "progress"] == [
        *("queued", "held", "running", "storing", "settled")
    ]
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT - cast["cost"]["micros"]
    await assert_books_balance(caster.platform.database)
