"""The folder of one run: the repository's files, act's own folders, and what act is told.

act reads `.env`, `.secrets`, `.vars`, `.input` and `.actrc` from where it stands. A repository may
hold files of these names, so act stands beside the repository and is given files of ours.
"""

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

_STAND_INS = Path(__file__).parent / "stand_ins"
_UPLOADS = ("v4", "v5", "v6", "v7")
_PASSED_BY = ("actions/setup-python", "actions/setup-node")
_PASSED_BY_VERSIONS = ("v4", "v5", "v6", "v7")


@dataclass(frozen=True)
class Workspace:
    """The folder of one attempt of one run."""

    folder: Path

    @property
    def repository(self) -> Path:
        """Where the repository's files are."""
        return self.folder / "repository"

    def log_of(self, job_id: int) -> Path:
        """The log of a job."""
        return self.folder / "logs" / f"{job_id}.txt"

    def prepare(self, files: Mapping[str, bytes], remote: str, sha: str, branch: str) -> None:
        """Lay out the repository at a commit, with an origin that checkout takes for its own."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("repository", "home", "cache", "logs", "bin"):
            (self.folder / name).mkdir(parents=True)
        for path, content in files.items():
            self._put(path, content)
        self._git(remote, sha, branch)
        self._tools()

    def write_orders(
        self, event: Mapping[str, Any], environment: Mapping[str, str], secrets: Mapping[str, str]
    ) -> None:
        """Write the files that act is given, readable by their owner only."""
        texts = {
            "event.json": json.dumps(event),
            "env": _lines(environment),
            "secrets": _lines(secrets),
            "empty": "",
        }
        for name, text in texts.items():
            path = self.folder / name
            path.touch(mode=0o600)
            path.write_text(text)

    def command(
        self, act: str, event: str, workflow: str, labels: Iterable[str], actor: str
    ) -> list[str]:
        """The command line of act, to be run in `folder`."""
        empty = str(self.folder / "empty")
        return [
            *(act, event, "--json", "-C", str(self.repository)),
            *("-W", str(self.repository / workflow), "-e", str(self.folder / "event.json")),
            *(
                "--env-file",
                str(self.folder / "env"),
                "--secret-file",
                str(self.folder / "secrets"),
            ),
            *("--var-file", empty, "--input-file", empty, "--actor", actor),
            *("--action-cache-path", str(self.folder / "cache"), "--no-cache-server"),
            *("--action-offline-mode", "--concurrent-jobs", "4"),
            *_repeated("-P", (f"{label}=-self-hosted" for label in sorted(labels))),
            *_repeated("--local-repository", _stand_ins()),
        ]

    def environment(self) -> dict[str, str]:
        """The whole environment of act and so of the steps: nothing of ours."""
        return {
            "HOME": str(self.folder / "home"),
            "PATH": f"{self.folder / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
        }

    def sweep(self) -> None:
        """Drop all but the logs."""
        for entry in self.folder.iterdir() if self.folder.is_dir() else ():
            if entry.name != "logs":
                _drop(entry)

    def _put(self, path: str, content: bytes) -> None:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or parts[0].lower() == ".git":
            return
        target = self.repository.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        if content.startswith(b"#!"):
            target.chmod(0o755)

    def _git(self, remote: str, sha: str, branch: str) -> None:
        git = self.repository / ".git"
        heads = git / "refs" / "heads"
        # Names of branches are checked where they are made; a path is checked where it is used.
        reference = (heads / branch).resolve()
        if not reference.is_relative_to(heads.resolve()):
            raise ValueError(f"{branch!r} is no branch")
        reference.parent.mkdir(parents=True)
        (git / "objects").mkdir()
        (git / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
        reference.write_text(f"{sha}\n")
        (git / "config").write_text(
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
            f'[remote "origin"]\n\turl = {remote}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n'
        )

    def _tools(self) -> None:
        python = getattr(sys, "_base_executable", sys.executable)
        links = {"python3": python, "python": python, "node": shutil.which("node")}
        for name, target in links.items():
            if target:
                (self.folder / "bin" / name).symlink_to(target)


def _stand_ins() -> Iterable[str]:
    for version in _UPLOADS:
        yield f"actions/upload-artifact@{version}={_STAND_INS / 'upload_artifact'}"
    for action in _PASSED_BY:
        for version in _PASSED_BY_VERSIONS:
            yield f"{action}@{version}={_STAND_INS / 'pass_by'}"


def _repeated(flag: str, values: Iterable[str]) -> Sequence[str]:
    return [word for value in values for word in (flag, value)]


def _lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _drop(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)
