"""Goal: a guest reaches the server that its policy names, and its use is counted as it was.

Method: a real guest in a real sandbox process, the real egress process, a real TLS server.
"""

import json

import pytest

from runner.attendance import Attendance
from runner.egress.egress import Egress
from runner.processes.guest_run import Finished, GuestRun
from runner.processes.sandbox_process import SandboxProcess
from runner.redaction import Redaction
from schema.contracts.run import RunLimits, RunPolicy
from tests.modules.guests import digest_of
from tests.support.tls_servers import TlsServer
from tests.unit.runner.conftest import LIMITS, RunGuest
from tests.unit.runner.egress.conftest import HOST, UNLISTED_HOST

POLICY = RunPolicy(deterministic=False, net_allow=[HOST])
WITH_NETWORK = LIMITS.model_copy(update={"net_requests_max": 3, "net_bytes_max": 10_000})


async def fetching(
    process: SandboxProcess, egress: Egress, url: str, limits: RunLimits = WITH_NETWORK
) -> tuple[Finished, Attendance]:
    attendance = Attendance(limits, POLICY, egress, Redaction({}), lambda _: None)
    guest = GuestRun(
        module_digest=digest_of("network"),
        entry="_start",
        bounds=limits,
        policy=POLICY,
        seed="5e" * 32,
        clock_unix_ms=0,
        inputs=json.dumps({"method": "GET", "url": url}).encode(),
        environment=b"{}",
    )
    end = await process.run(guest, attendance)
    assert isinstance(end, Finished)
    return end, attendance


@pytest.fixture
async def warm(sandbox: SandboxProcess, run_on: RunGuest) -> SandboxProcess:
    """A process that has the module: its first run finds no network."""
    await run_on(sandbox, "network", "never_mind")
    return sandbox


async def test_a_guest_gets_the_response_of_an_allowed_host(
    warm: SandboxProcess, egress: Egress, server: TlsServer
) -> None:
    server.received.clear()
    end, attendance = await fetching(warm, egress, f"https://{HOST}/echo")
    assert end.report.code is None
    line, _, body = end.output.partition(b"\n")
    assert json.loads(line)["status"] == 200
    assert body == b"GET /echo HTTP/1.1\n"
    assert attendance.net_requests == 1
    assert attendance.net_bytes > len(server.received[0].head) + len(body)


@pytest.mark.parametrize(
    ("url", "violation"),
    [
        (f"https://{UNLISTED_HOST}/", ("net_denied", UNLISTED_HOST)),
        ("https://169.254.169.254/latest/meta-data", ("net_denied", "169.254.169.254")),
        (f"https://{HOST}/to/302/https:~~{UNLISTED_HOST}~", ("net_denied", UNLISTED_HOST)),
        (f"https://{HOST}/endless", ("net_limit", HOST)),
    ],
)
async def test_what_a_guest_must_not_do_is_on_record(
    warm: SandboxProcess, egress: Egress, url: str, violation: tuple[str, str]
) -> None:
    end, attendance = await fetching(warm, egress, url)
    assert end.report.code is not None
    noted = [(str(found.kind), found.subject) for found in end.report.violations]
    assert noted == [violation]
    assert attendance.net_bytes <= WITH_NETWORK.net_bytes_max
