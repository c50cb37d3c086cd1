"""Runs workflow files with `act`: a bounded number at a time, and nothing survives its end."""

import math
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Timer

from infra.embedded.github.actions.act_lines import ActLines, JobRecord
from infra.embedded.github.actions.clock import now
from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.host import Host, HostedCommit, HostedRepository
from infra.embedded.github.actions.job_logs import JobLogs
from infra.embedded.github.actions.orders import Orders
from infra.embedded.github.actions.runs import Runs
from infra.embedded.github.actions.workflow_files import WorkflowFile, WorkflowFileError, parse
from infra.embedded.github.actions.workspace import Workspace

_KEEPER = Path(__file__).with_name("keeper.py")
_STOP_SECONDS = 10.0
# So long act may think about a file before its first job begins.
_START_SECONDS_MAX = 60.0
# https://docs.github.com/actions/reference/limits: five days, on runners of one's own.
_JOB_SECONDS_MAX = 5 * 86_400.0
_LINE_BYTES_MAX = 1024 * 1024


@dataclass
class _Attempt:
    """A run that is being run."""

    stop: Event = field(default_factory=Event)
    conclusion: str | None = None
    """What it is to end as, when somebody ends it before itself."""
    process: "subprocess.Popen[bytes] | None" = None
    timers: list[Timer] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def end(self, conclusion: str) -> None:
        """End it; the first reason counts."""
        with self.lock:
            self.conclusion = self.conclusion or conclusion
            self.stop.set()
            if self.process is not None and self.process.stdin is not None:
                self.process.stdin.close()


class Engine:
    """Takes queued runs in turn.

    Args:
        host: the repositories.
        runs: the record.
        orders: what a run is told besides its event.
        folder: where each run gets its folder.
        slots: how many run at a time.
    """

    def __init__(
        self, host: Host, runs: Runs, orders: Orders, folder: Path, slots: int = 2
    ) -> None:
        self._host = host
        self._runs = runs
        self._orders = orders
        self._folder = folder
        self._slots = ThreadPoolExecutor(max_workers=slots, thread_name_prefix="act")
        self._attempts: dict[int, _Attempt] = {}
        self._closed = False

    def recover(self) -> None:
        """After a start: queued runs stay queued, those that ran were lost with the last server."""
        for run in self._runs.unfinished():
            if run["status"] == "queued":
                self.enqueue(run)
            else:
                self._runs.ended(run["id"], "cancelled")

    def close(self) -> None:
        """End what runs; it counts as cancelled. What is queued waits for the next start."""
        self._closed = True
        for attempt in list(self._attempts.values()):
            attempt.end("cancelled")
        self._slots.shutdown(wait=True, cancel_futures=True)

    def enqueue(self, run: Document) -> None:
        """Run this when there is room, and not before its time."""
        wait = run.get("starts_from", 0.0) - now().timestamp()
        if wait <= 0:
            self._slots.submit(self._take, run["id"])
        elif not math.isinf(wait):
            timer = Timer(wait, self._submit, (run["id"],))
            timer.daemon = True
            timer.start()

    def cancel(self, run: Document) -> bool:
        """End a run as cancelled; False when it had ended."""
        attempt, latest = self._attempts.get(run["id"]), self._runs.get(run["id"])
        if latest is None or latest["status"] == "completed":
            return False
        if attempt is not None:
            attempt.end("cancelled")
            return True
        return self._runs.ended(run["id"], "cancelled") is not None

    def workspace(self, run: Document, attempt: int | None = None) -> Workspace:
        """The folder of an attempt (without a number: the latest)."""
        return Workspace(self._folder / str(run["id"]) / str(attempt or run["attempt"]))

    def _submit(self, run_id: int) -> None:
        if not self._closed:
            self._slots.submit(self._take, run_id)

    def _take(self, run_id: int) -> None:
        run = self._runs.get(run_id)
        repository = self._host.by_id(run["repository_id"]) if run else None
        if run is None or repository is None or self._closed or run["status"] != "queued":
            return
        attempt = self._attempts[run_id] = _Attempt()
        try:
            self._run(repository, run, attempt)
        except Exception:
            self._runs.ended(run_id, "startup_failure")
            raise
        finally:
            self._attempts.pop(run_id, None)

    def _run(self, repository: HostedRepository, run: Document, attempt: _Attempt) -> None:
        if self._runs.started(run["id"]) is None:
            return
        commit = self._host.commit(run["repository_id"], run["sha"])
        try:
            file = parse(run["path"], commit.files[run["path"]]) if commit else None
        except (KeyError, WorkflowFileError):
            file = None
        if commit is None or file is None:
            self._runs.ended(run["id"], "startup_failure")
            return
        workspace = self.workspace(run)
        command = self._prepare(repository, run, commit, file, workspace)
        lines = ActLines(file.jobs, file.name)
        with self._started(command, workspace, attempt) as process:
            self._follow(process, run, file, lines, attempt, JobLogs(workspace))
        conclusion = attempt.conclusion or _conclusion(lines.jobs, process.returncode)
        self._runs.ended(run["id"], conclusion)
        workspace.sweep()

    def _prepare(
        self,
        repository: HostedRepository,
        run: Document,
        commit: HostedCommit,
        file: WorkflowFile,
        workspace: Workspace,
    ) -> list[str]:
        # act takes an origin there for "this repository", so that checkout has nothing to fetch.
        remote = f"https://github.com/{repository.full_name}"
        workspace.prepare(commit.files, remote, commit.sha, run["branch"])
        workspace.write_orders(
            run["event_body"], self._orders.environment(repository, run), self._orders.secrets(run)
        )
        act = str(Path(sys.executable).with_name("act"))
        login = str(run["actor"].get("login", "local"))
        command = workspace.command(act, run["event"], run["path"], file.labels(), login)
        return [sys.executable, "-I", "-S", str(_KEEPER), *command]

    @contextmanager
    def _started(
        self, command: list[str], workspace: Workspace, attempt: _Attempt
    ) -> "Iterator[subprocess.Popen[bytes]]":
        with (workspace.folder / "logs" / "act.txt").open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603  (our own command line)
                command,
                cwd=workspace.folder,
                env=workspace.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        with attempt.lock:
            attempt.process = process
        if attempt.stop.is_set():
            attempt.end("cancelled")
        try:
            yield process
            process.wait()
        finally:
            for timer in attempt.timers:
                timer.cancel()
            if process.poll() is None:
                attempt.end("failure")
                process.wait(_STOP_SECONDS)
            for pipe in filter(None, (process.stdin, process.stdout)):
                pipe.close()

    def _follow(
        self,
        process: "subprocess.Popen[bytes]",
        run: Document,
        file: WorkflowFile,
        lines: ActLines,
        attempt: _Attempt,
        logs: JobLogs,
    ) -> None:
        ids: dict[int, int] = {}
        starting = self._limit(attempt, _START_SECONDS_MAX, "startup_failure")
        stdout = process.stdout
        assert stdout is not None, "it was asked for"
        # A line without end comes in pieces, which are no JSON and say nothing.
        for line in iter(lambda: stdout.readline(_LINE_BYTES_MAX), b""):
            told = lines.take(line, now())
            # What act says while it is being ended is about its end, not about the jobs'.
            if told is None or attempt.stop.is_set():
                continue
            job = told.job
            if id(job) not in ids:
                starting.cancel()
                ids[id(job)] = self._runs.jobs.began(run, job)
                self._limit(attempt, file.seconds_max(job.job_id), "timed_out")
            elif told.changed:
                self._runs.jobs.changed(run, ids[id(job)], job)
            if told.log is not None:
                logs.add(ids[id(job)], told.log)

    def _limit(self, attempt: _Attempt, seconds: float, conclusion: str) -> Timer:
        timer = Timer(min(seconds, _JOB_SECONDS_MAX), attempt.end, (conclusion,))
        timer.daemon = True
        timer.start()
        attempt.timers.append(timer)
        return timer


def _conclusion(jobs: Mapping[str, JobRecord], exit_code: int | None) -> str:
    if not jobs:
        return "startup_failure" if exit_code else "skipped"
    return "success" if exit_code == 0 else "failure"
