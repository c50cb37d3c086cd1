"""The logs of jobs: one text file each, with a time before every line."""

import io
import re
import zipfile
from collections.abc import Mapping, Sequence

from infra.embedded.github.actions.clock import now
from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.workspace import Workspace

# What a name in an archive must not hold: it would be a folder, or hide what follows.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_LOG_BYTES_MAX = 16 * 1024 * 1024


class JobLogs:
    """Writes and reads the logs of one attempt."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def add(self, job_id: int, line: str) -> None:
        """Append what was printed, each line under its own time; beyond 16 MiB, no more."""
        at = now().strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
        text = "".join(f"{at} {each}\n" for each in line.splitlines() or [""])
        with self._workspace.log_of(job_id).open("ab") as log:
            if log.tell() < _LOG_BYTES_MAX:
                log.write(text.encode("utf-8", "replace"))

    def read(self, job_id: int) -> bytes:
        """The whole log; empty when there is none."""
        path = self._workspace.log_of(job_id)
        return path.read_bytes() if path.is_file() else b""

    def archive(self, jobs: Sequence[Document]) -> bytes:
        """A zip of the logs, named as GitHub names them: `0_<job>.txt`; of jobs that ran."""
        ran = (job for job in jobs if job["runner_id"])
        logs: Mapping[str, bytes] = {
            f"{number}_{_UNSAFE.sub('_', job['name'])}.txt": self.read(job["id"])
            for number, job in enumerate(ran)
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, log in logs.items():
                archive.writestr(name, log)
        return buffer.getvalue()
