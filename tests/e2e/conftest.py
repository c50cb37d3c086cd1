"""One whole platform for all end-to-end tests: real servers, real processes, real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.e2e import Caster, Logs, WholePlatform, whole_platform
from tests.support.tls_servers import Authority, Received, TlsServer, response, tls_server
from tests.support.workflow_mode import LocalActions, local_actions

# What the processes said during a test; a failing one shows it.
_LINES_SHOWN_MAX = 200
_logs: list[Logs] = []
_begun_at = pytest.StashKey[int]()


OUTSIDE_HOST = "api.outside.example"
"""A host that spells may be allowed to reach: the test's own server, as an operator names one."""


async def _tell(request: Received, writer: asyncio.StreamWriter) -> None:
    """Answer with what was asked; `/away` leads to a private address."""
    away = ("Location: https://169.254.169.254/latest/meta-data/",)
    if request.path == "/away":
        writer.write(response(b"", *away, status="302 Found"))
    else:
        writer.write(response(b"you asked for " + request.path.encode() + request.body))


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
async def outside(authority: Authority) -> AsyncIterator[TlsServer]:
    """A host outside of the platform, and what guests have asked it."""
    async with tls_server(authority.server_context(OUTSIDE_HOST), _tell) as started:
        yield started


@pytest.fixture(scope="session")
async def platform(authority: Authority, outside: TlsServer) -> AsyncIterator[WholePlatform]:
    """Everything started; at the end, no process has printed a secret or ended badly.

    Not in pytest's own folder: whenever another pytest starts as root, it closes that folder to
    all others, and a Postgres that is started again, which runs by another account, is one.
    """
    with TemporaryDirectory(prefix="spell-e2e-") as folder:
        authorities = Path(folder) / "authorities.pem"
        authorities.write_text(authority.pem)
        external = {
            "SPELL_RUNNER_EGRESS_HOSTS": f"{OUTSIDE_HOST}=127.0.0.1:{outside.port}",
            "SPELL_RUNNER_EGRESS_CA_FILE": str(authorities),
            "SPELL_WEBHOOK_CA_FILE": str(authorities),
        }
        async with whole_platform(Path(folder) / "data", external) as started:
            _logs.append(started.logs)
            yield started
    lines = started.logs.lines
    assert [line for line in lines if any(secret in line for secret in started.secrets)] == []
    # Whatever these tests sent, nothing met a case that nobody had thought of.
    assert [line for line in lines if '"unexpected error"' in line] == []
    # An abort at the exit, or deafness to SIGTERM, would be told here.
    ends = [line for line in lines if "stopped with" in line or "did not stop" in line]
    assert ends == []


@pytest.fixture(scope="session")
async def github(platform: WholePlatform) -> AsyncIterator[LocalActions]:
    """The platform's GitHub, whose user `maker` publishes what runs there."""
    with TemporaryDirectory(prefix="spell-runs-") as folder:
        async with local_actions(platform, Path(folder)) as started:
            yield started


@pytest.fixture(scope="session")
async def maker(platform: WholePlatform) -> Caster:
    """Whose the shared spells are."""
    return await platform.maker()


@pytest.fixture
async def caster(platform: WholePlatform) -> Caster:
    """A new account with all scopes and ten dollars."""
    return await platform.new_caster(10_000_000)


@pytest.fixture
async def stranger(platform: WholePlatform) -> Caster:
    """Another new account, for looking where it should see nothing."""
    return await platform.new_caster(10_000_000)


@pytest.hookimpl
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[_begun_at] = len(_logs[0].lines) if _logs else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and _logs:
        lines = _logs[0].lines[item.stash.get(_begun_at, 0) :]
        report.sections.append(("the platform's log", "\n".join(lines[-_LINES_SHOWN_MAX:])))
    return report
