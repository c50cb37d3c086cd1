"""Runs of workflow files on the local GitHub, with the real act."""

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.embedded.github.actions import engine
from tests.support.actions_host import (
    REPOSITORY,
    SAMPLE,
    Served,
    free_port,
    ready,
    serving,
    workflow,
)

FILE = ".github/workflows/w.yml"
NASTY = """it's "quoted" `date` $HOME $(id) ${{ github.token }} \\ ünï"""
_ROOT = Path(__file__).parents[2]


@pytest.fixture
def files() -> dict[str, bytes]:
    return {".github/workflows/cast.yml": SAMPLE.read_bytes(), "answer.txt": b"42"}


@pytest.fixture
def served(tmp_path: Path, files: dict[str, bytes]) -> Iterator[Served]:
    with serving(tmp_path, files) as served:
        yield served


def _put(served: Served, content: bytes, name: str = "w.yml") -> None:
    assert served.host is not None
    served.host.files[f".github/workflows/{name}"] = content


def _unzipped(archive: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.read(name)


def _named(mark: str) -> list[int]:
    """The processes whose command line holds the mark."""
    return [
        process.info["pid"]
        for process in psutil.process_iter(["pid", "cmdline"])
        if mark in " ".join(process.info["cmdline"] or [])
    ]


def _wait_gone(mark: str) -> None:
    until = time.monotonic() + 15
    while _named(mark):
        assert time.monotonic() < until, "a process of the run is still there"
        time.sleep(0.02)


def test_the_sample_workflow_answers_with_the_inputs_that_it_fetched(served: Served) -> None:
    inputs_url = f"{served.url}/_local/faults"
    run_id = served.dispatch("cast.yml", cast_id="cast_1", inputs_url=inputs_url)
    run = served.wait(run_id)
    assert run["conclusion"] == "success", served.log(run_id)
    assert run["display_title"] == "cast_1"
    assert json.loads(_unzipped(served.artifact(run_id), "output.json")) == {"inputs": []}


def test_jobs_tell_their_steps_and_times(served: Served) -> None:
    _put(served, workflow("      - name: Good\n        run: echo fine\n      - run: exit 3\n"))
    run_id = served.dispatch()
    assert served.wait(run_id)["conclusion"] == "failure"
    (job,) = served.get(f"actions/runs/{run_id}/jobs")["jobs"]
    steps = {step["name"]: step["conclusion"] for step in job["steps"]}
    assert steps["Good"] == "success"
    assert steps["Run exit 3"] == "failure"
    assert job["started_at"] <= job["completed_at"]
    assert "fine" in served.log(run_id)


def test_nothing_of_an_input_is_read_as_shell_or_expression(served: Served) -> None:
    step = "      - env: {WORD: '${{ inputs.word }}'}\n        run: printf '%s' \"$WORD\" > word\n"
    upload = "      - uses: actions/upload-artifact@v7\n        with: {path: word}\n"
    _put(served, workflow(step + upload))
    run_id = served.dispatch(word=NASTY)
    assert served.wait(run_id)["conclusion"] == "success", served.log(run_id)
    assert _unzipped(served.artifact(run_id), "word").decode() == NASTY


def test_steps_see_nothing_of_the_servers_environment(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAK_ME", "topsecret")
    _put(served, workflow("      - run: env; which python3 sh\n"))
    run_id = served.dispatch()
    assert served.wait(run_id)["conclusion"] == "success"
    log = served.log(run_id)
    assert f"GITHUB_RUN_ID={run_id}" in log
    assert "LEAK_ME" not in log
    assert "topsecret" not in log


def test_files_named_like_those_of_act_change_nothing(served: Served) -> None:
    _put(served, workflow('      - run: echo "[$SNEAKED]"\n'))
    assert served.host is not None
    served.host.files[".env"] = b"SNEAKED=yes\n"
    served.host.files[".actrc"] = b"--env SNEAKED=yes\n"
    run_id = served.dispatch()
    assert served.wait(run_id)["conclusion"] == "success"
    assert "[]" in served.log(run_id)


def test_secrets_are_masked_in_logs(served: Served) -> None:
    secret = {"value": "hunter2-and-more"}
    served.http.put("/_local/repositories/1/secrets/PASS", json=secret).raise_for_status()
    _put(served, workflow("      - run: echo 'it is ${{ secrets.PASS }}!'\n"))
    run_id = served.dispatch()
    served.wait(run_id)
    assert "it is ***!" in served.log(run_id)
    assert "hunter2" not in served.log(run_id)


def test_six_runs_asked_for_at_once_all_succeed_two_at_a_time(served: Served) -> None:
    _put(served, workflow("      - run: sleep 0.3\n"))
    runs = [served.dispatch() for _ in range(6)]
    busy = {run["id"] for run in served.get("actions/runs?status=in_progress")["workflow_runs"]}
    assert len(busy) <= 2
    assert {served.wait(run_id)["conclusion"] for run_id in runs} == {"success"}


def test_jobs_that_need_others_and_a_matrix_run(served: Served) -> None:
    more = (
        "  two:\n    needs: one\n    runs-on: ubuntu-latest\n    strategy: {matrix: {n: [1, 2]}}\n"
    )
    steps = "      - run: echo n${{ matrix.n }}\n"
    _put(served, workflow("      - run: 'true'\n") + f"{more}    steps:\n{steps}".encode())
    run_id = served.dispatch()
    assert served.wait(run_id)["conclusion"] == "success"
    jobs = served.get(f"actions/runs/{run_id}/jobs")["jobs"]
    assert sorted(job["name"] for job in jobs) == ["one", "two (1)", "two (2)"]


def test_a_cancelled_run_leaves_no_process(served: Served, tmp_path: Path) -> None:
    mark = f"9999.{os.getpid()}1"
    _put(served, workflow(f"      - run: (setsid sleep {mark} &) ; sleep {mark}\n"))
    run_id = served.dispatch()
    until = time.monotonic() + 20
    while len(_named(f"sleep {mark}")) < 2:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert served.http.post(f"{REPOSITORY}/actions/runs/{run_id}/cancel").status_code == 202
    assert served.wait(run_id)["conclusion"] == "cancelled"
    assert _named(f"sleep {mark}") == []
    (job,) = served.get(f"actions/runs/{run_id}/jobs")["jobs"]
    assert (job["status"], job["conclusion"]) == ("completed", "cancelled")
    assert served.http.post(f"{REPOSITORY}/actions/runs/{run_id}/cancel").status_code == 409


def test_a_job_over_its_time_is_timed_out(served: Served) -> None:
    _put(served, workflow("      - run: sleep 60\n", more="    timeout-minutes: 0.01\n"))
    assert served.wait(served.dispatch())["conclusion"] == "timed_out"


def test_a_run_whose_jobs_never_begin_has_failed_to_start(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_START_SECONDS_MAX", 0.0)
    _put(served, workflow("      - run: 'true'\n"))
    assert served.wait(served.dispatch())["conclusion"] == "startup_failure"


def test_a_killed_server_leaves_no_process_and_calls_the_run_cancelled(tmp_path: Path) -> None:
    mark = f"9999.{os.getpid()}2"
    source = workflow(f"      - run: (setsid sleep {mark} &) ; sleep {mark}\n").decode()
    (tmp_path / "files.json").write_text(json.dumps({FILE: source}))
    server, served = _process(tmp_path)
    try:
        run_id = served.dispatch()
        until = time.monotonic() + 20
        while len(_named(f"sleep {mark}")) < 2:
            assert time.monotonic() < until
            time.sleep(0.02)
    finally:
        server.kill()
        server.wait()
        served.http.close()
    _wait_gone(f"sleep {mark}")
    server, served = _process(tmp_path)
    try:
        assert served.wait(run_id)["conclusion"] == "cancelled"
    finally:
        server.terminate()
        server.wait(20)
        served.http.close()


def test_a_rerun_is_the_next_attempt_of_the_same_run(served: Served) -> None:
    _put(served, workflow("      - run: echo attempt $GITHUB_RUN_ATTEMPT\n"))
    run_id = served.dispatch()
    served.wait(run_id)
    assert served.http.post(f"{REPOSITORY}/actions/runs/{run_id}/rerun").status_code == 201
    run = served.wait(run_id)
    assert (run["run_attempt"], run["conclusion"]) == (2, "success")
    assert "attempt 2" in served.log(run_id)
    assert served.get(f"actions/runs/{run_id}/attempts/1/jobs")["total_count"] == 1


def _process(folder: Path) -> tuple["subprocess.Popen[bytes]", Served]:
    port = free_port()
    command = [sys.executable, "-m", "tests.support.actions_host", str(folder), str(port)]
    server = subprocess.Popen(command, cwd=_ROOT)
    served = Served(f"http://127.0.0.1:{port}")
    ready(served)
    return server, served
