"""The logs of jobs: one text file each, with a time before every line."""

import io
import zipfile
from collections.abc import Mapping, Sequence

from infra.embedded.github.actions.clock import now
from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.workspace import Workspace

_LOG_BYTES_MAX = 16 * 1024 * 1024


class JobLogs:
    """Writes and reads the logs of one attempt."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def add(self, job_id: int, line: str) -> None:
        """Append a line; beyond 16 MiB a log takes no more."""
        with self._workspace.log_of(job_id).open("ab") as log:
            if log.tell() < _LOG_BYTES_MAX:
                log.write(f"{now().strftime('%Y-%m-%dT%H:%M:%S.%f0Z')} {line}\n".encode())

    def read(self, job_id: int) -> bytes:
        """The whole log; empty when there is none."""
        path = self._workspace.log_of(job_id)
        return path.read_bytes() if path.is_file() else b""

    def archive(self, jobs: Sequence[Document]) -> bytes:
        """A zip of the logs, named as GitHub names them: `0_<job>.txt`."""
        logs: Mapping[str, bytes] = {
            f"{number}_{job['name'].replace('/', '_')}.txt": self.read(job["id"])
            for number, job in enumerate(jobs)
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, log in logs.items():
                archive.writestr(name, log)
        return buffer.getvalue()
