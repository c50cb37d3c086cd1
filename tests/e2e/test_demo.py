"""The first thing that a newcomer runs, as it is typed."""

import subprocess
import sys
from pathlib import Path

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
    for check in ("signature", "cost", "replay fuel", "replay output digest"):
        assert check in told
    assert "all stopped" in told
