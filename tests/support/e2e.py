"""The whole platform with real processes, and accounts that talk to it over HTTP."""

import asyncio
import itertools
import json
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from cli.local import settings_of
from infra.embedded.own_processes import spell_processes
from infra.embedded.platform import EmbeddedPlatform
from infra.platform import make_vault, open_database
from infra.postgres import Database
from infra.repositories.accounts import PostgresAccounts
from schema.contracts.publish import PublishResult
from schema.scopes import Scope
from tests.support.builders import Person
from tests.support.e2e_signing import PlatformSigning
from tests.support.e2e_spells import SPELLS
from tests.support.money import credit_left, open_holds
from tests.support.signing import MAKER

Json = dict[str, Any]
TAR = {"Content-Type": "application/x-tar"}
FINAL_EVENTS = {"settled", "failed", "cancelled"}
# Far above what anything here takes; a test that meets it has found something.
PATIENCE_SECONDS = 60.0
_numbers = itertools.count()


@dataclass
class Logs:
    """A sink for every line that the platform's processes print."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, name: str, line: str) -> None:
        self.lines.append(f"{name:<9}| {line}")


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    id: int
    kind: str
    data: Json


@dataclass(frozen=True)
class Caster:
    """An account with a key, over HTTP; with `spell:publish` a maker, too."""

    platform: "WholePlatform"
    person: Person

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.person.key_text}"}

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        return await self.platform.http.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> httpx.Response:
        return await self.request("POST", path, **options)

    async def patch(self, path: str, **body: Any) -> httpx.Response:
        return await self.request("PATCH", path, json=body)

    async def upload(
        self, archive: bytes, signer: Mapping[str, Any] = MAKER.model_dump(), **options: Any
    ) -> httpx.Response:
        """POST /v1/spells with an archive and a signature over it, by the tests' maker."""
        signed = await self.platform.signing.sign(archive, signer)
        return await self.send(archive, signed.bundle, **options)

    async def send(
        self, archive: bytes, signature: bytes | None = None, **options: Any
    ) -> httpx.Response:
        """POST /v1/spells with this signature, or with none."""
        files = {"package": ("package.tar", archive)}
        if signature is not None:
            files["signature"] = ("SIGNATURE.sigstore", signature)
        return await self.post("/v1/spells", files=files, **options)

    async def publish(self, archive: bytes) -> PublishResult:
        answer = await self.upload(archive)
        assert answer.status_code in (200, 201), answer.text
        return PublishResult.model_validate(answer.json())

    async def cast(
        self,
        spell: str,
        inputs: Any = None,
        *,
        key: str | None = None,
        wait: int | None = None,
        **body: Any,
    ) -> httpx.Response:
        """POST :cast, with a fresh key unless one is given."""
        headers = {"Idempotency-Key": key or fresh_key()}
        if wait is not None:
            headers["Prefer"] = f"wait={wait}"
        return await self.post(
            f"/v1/spells/{spell}:cast", json={"inputs": inputs, **body}, headers=headers
        )

    async def with_key(self, **body: Any) -> "Caster":
        """This account by another key that this one makes over HTTP."""
        answer = await self.post("/v1/keys", json={"name": "another", **body})
        assert answer.status_code == 201, answer.text
        made = as_object(answer)
        self.platform.secrets.add(made["key"])
        changed = {"api_key_id": made["summary"]["id"], "key_text": made["key"]}
        return replace(self, person=replace(self.person, **changed))

    async def admitted(self, spell: str, inputs: Any = None, **options: Any) -> Json:
        """The 202 document of a cast."""
        answer = await self.cast(spell, inputs, **options)
        assert answer.status_code == 202, answer.text
        return as_object(answer)

    async def ended(self, spell: str, inputs: Any = None, **options: Any) -> Json:
        """Cast, follow to the end, and answer with the final document."""
        admitted = await self.admitted(spell, inputs, **options)
        return await self.followed(admitted["cast_id"])

    async def followed(self, cast_id: str) -> Json:
        """The cast, once its event stream has ended."""
        await self.events(cast_id)
        return as_object(await self.get(f"/v1/casts/{cast_id}"))

    async def events(
        self, cast_id: str, *, after: str | None = None, until: str | None = None
    ) -> list[Event]:
        """The cast's events to the end of the stream, or to the first one of kind `until`."""
        seen: list[Event] = []
        async with self.stream(cast_id, after=after) as stream:
            async for event in stream:
                seen.append(event)
                if event.kind == until:
                    break
        return seen

    @asynccontextmanager
    async def stream(
        self, cast_id: str, *, after: str | None = None
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """The cast's event stream."""
        headers = self.headers if after is None else {**self.headers, "Last-Event-ID": after}
        path = f"/v1/casts/{cast_id}/events"
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            self.platform.http.stream("GET", path, headers=headers) as response,
        ):
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"].startswith("text/event-stream")
            yield read_events(response.aiter_lines())

    async def transfers(self, cast_id: str) -> list[Json]:
        found: list[Json] = (await self.get(f"/v1/casts/{cast_id}/transfers")).json()
        return found

    async def credit_left(self) -> int:
        """By the ledger; checked against the balance budget."""
        return await credit_left(self.platform.database, self.person)

    async def open_holds(self) -> int:
        return await open_holds(self.platform.database, self.person)


@dataclass
class WholePlatform:
    """Servers, api, worker and runner; and the way to make accounts on them."""

    embedded: EmbeddedPlatform
    folder: Path
    """Its data directory."""
    http: httpx.AsyncClient
    database: Database
    accounts: PostgresAccounts
    logs: Logs
    secrets: set[str]
    """Whatever no log may show."""
    _maker: Caster | None = None
    _published: dict[str, str] = field(default_factory=dict)
    _publishing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def api_url(self) -> str:
        return self.embedded.endpoints.api_url

    @cached_property
    def signing(self) -> PlatformSigning:
        """The platform's Sigstore: `(await platform.signing.sign(archive)).bundle`."""
        return PlatformSigning(self.embedded.context)

    @property
    def places(self) -> int:
        """How many runs the fleet takes at a time."""
        return int(self.embedded.context.runner_environment["SPELL_RUNNER_CHILDREN"])

    async def new_caster(
        self, credit_micros: int = 0, scopes: Iterable[Scope] = tuple(Scope)
    ) -> Caster:
        """A new account, with a key that has these scopes and with credit."""
        account_id = await self.accounts.create("somebody")
        if credit_micros:
            await self.accounts.credit(account_id, credit_micros, "USD", reference=fresh_key())
        return await self.key_of(account_id, scopes)

    async def key_of(
        self, account_id: str, scopes: Iterable[Scope], expires_at: datetime | None = None
    ) -> Caster:
        """The account by another key."""
        summary, text = await self.accounts.create_key(account_id, "test", list(scopes), expires_at)
        self.secrets.add(text)
        found = await self.accounts.authenticate(text)
        secret = b"" if found is None else found[1]
        return Caster(self, Person(account_id, summary.id, text, secret))

    async def maker(self) -> Caster:
        """Whose the shared spells are."""
        if self._maker is None:
            self._maker = await self.new_caster()
        return self._maker

    async def spell(self, name: str) -> str:
        """The key of a spell of `SPELLS`, published when it is first asked for."""
        async with self._publishing:
            if name not in self._published:
                result = await (await self.maker()).publish(SPELLS[name]())
                assert result.spell_key is not None
                self._published[name] = result.spell_key
        return self._published[name]


@asynccontextmanager
async def whole_platform(
    folder: Path, external: Mapping[str, str] | None = None
) -> AsyncIterator[WholePlatform]:
    """Start everything in a new folder, as `spell dev` does, on free ports.

    Args:
        folder: the data directory.
        external: `SPELL_…` variables that the user of `spell dev` would have set.
    """
    logs = Logs()
    embedded = EmbeddedPlatform(
        folder, spell_processes, sink=logs, external=external, usual_ports=False
    )
    async with embedded:
        settings = settings_of(embedded.context)
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        async with (
            open_database(settings) as database,
            httpx.AsyncClient(
                base_url=embedded.endpoints.api_url, timeout=PATIENCE_SECONDS, limits=limits
            ) as http,
        ):
            pepper = make_vault(settings).api_key_pepper
            credentials = asdict(embedded.context.credentials)
            credentials.pop("runner_public_key")
            yield WholePlatform(
                embedded,
                folder,
                http,
                database,
                PostgresAccounts(database, pepper=pepper),
                logs,
                set(credentials.values()),
            )


async def read_events(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    """Server-sent events; comments, which are heartbeats, are left out."""
    fields: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value
        elif "event" in fields:
            yield Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}


def fresh_key() -> str:
    """An Idempotency-Key that no other test uses."""
    return f"test-{next(_numbers)}-{secrets.token_hex(6)}"


def fresh_spell() -> str:
    """A spell key that no other test uses."""
    return f"com.example.test{next(_numbers)}-{secrets.token_hex(4)}"


def as_object(answer: httpx.Response) -> Json:
    document = answer.json()
    assert isinstance(document, dict), document
    return document


def problem(answer: httpx.Response, status: int, code: str) -> Json:
    """The problem document of a refusal, after checking its form, status and code."""
    document = as_object(answer)
    assert (answer.status_code, document.get("code")) == (status, code), document
    assert answer.headers["content-type"] == "application/problem+json"
    assert document["status"] == status
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["charged"] is False
    assert document["message"]
    assert document["remedy"]
    return document
