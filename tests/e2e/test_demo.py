"""The first thing that a newcomer runs, as it is typed."""

import re
import subprocess
import sys
from pathlib import Path

from schema.contracts.supply_chain import Check

ROOT = Path(__file__).parents[2]


def test_the_demo_signs_publishes_casts_shows_the_money_and_proves_the_receipt() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert "signed   by maker@spell.localhost (https://oidc.spell.localhost), log index 0" in told
    for line in ("publish  com.example.markdown", "settled", "ledger", "receipt  signed"):
        assert line in told
    assert "verdict  passed" in told
    outcomes = {words[0]: words[1] for line in told.splitlines() if len(words := line.split()) > 1}
    assert outcomes["signature"] == outcomes["revocations"] == "passed"
    assert {outcomes[check.value] for check in Check} <= {"passed", "warned"}
    assert "advisories   warned   no advisories imported" in told
    assert re.search(r"bill     of materials: [1-9][0-9]* components", told)
    for check in ("signature", "cost", "replay fuel", "replay output digest"):
        assert check in told
    assert "all stopped" in told
