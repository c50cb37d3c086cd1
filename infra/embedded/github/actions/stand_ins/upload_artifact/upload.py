"""Upload files as an artifact, as actions/upload-artifact does: zip, then GitHub's Twirp service.

Run by a bare interpreter inside a run, so it imports nothing of ours.
"""

import base64
import glob
import hashlib
import io
import json
import os
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

_SERVICE = "twirp/github.actions.results.api.v1.ArtifactService"
_TIMEOUT_SECONDS = 60
_CLIENT = build_opener(ProxyHandler({}))


def main() -> int:
    """Upload what the environment names; 1 where there is nothing and that is an error."""
    name = os.environ["UPLOAD_NAME"]
    files = find(os.environ["UPLOAD_PATH"].splitlines(), os.environ["UPLOAD_HIDDEN"] == "true")
    if not files:
        return _nothing_found()
    archive = pack(files, int(os.environ["UPLOAD_LEVEL"]))
    print(f"With the provided path, there will be {len(files)} file(s) uploaded")
    identifier = upload(name, archive)
    digest = hashlib.sha256(archive).hexdigest()
    print(f"Artifact {name} has been successfully uploaded! Final size is {len(archive)} bytes.")
    _output(identifier, digest)
    return 0


def find(patterns: list[str], hidden: bool) -> list[Path]:
    """The files that the patterns name, without those after `!`."""
    wanted = [line.strip() for line in patterns if line.strip()]
    taken = {path for line in wanted if not line.startswith("!") for path in _matches(line)}
    left_out = {path for line in wanted if line.startswith("!") for path in _matches(line[1:])}
    return sorted(path for path in taken - left_out if hidden or not _is_hidden(path))


def pack(files: list[Path], level: int) -> bytes:
    """A zip of the files, named from their least common folder."""
    root = Path(os.path.commonpath([path.parent for path in files]))
    patterns = os.environ["UPLOAD_PATH"].split()
    if len(patterns) == 1 and Path(patterns[0]).is_dir():
        root = Path(patterns[0]).absolute()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for path in files:
            archive.write(path, path.relative_to(root).as_posix())
    return buffer.getvalue()


def upload(name: str, archive: bytes) -> str:
    """Create, send, finalize; the artifact's id."""
    run, job = _backend_ids(os.environ["ACTIONS_RUNTIME_TOKEN"])
    ids = {"workflow_run_backend_id": run, "workflow_job_run_backend_id": job, "name": name}
    if os.environ["UPLOAD_OVERWRITE"] == "true":
        _call("DeleteArtifact", ids, missing_is_fine=True)
    created = _call("CreateArtifact", {**ids, "version": 4, **_expiry()})
    _send("PUT", created["signed_upload_url"], archive, {"x-ms-blob-type": "BlockBlob"})
    digest = f"sha256:{hashlib.sha256(archive).hexdigest()}"
    finalized = _call("FinalizeArtifact", {**ids, "size": str(len(archive)), "hash": digest})
    return str(finalized["artifact_id"])


def _matches(pattern: str) -> set[Path]:
    found = {
        Path(path).absolute() for path in glob.glob(pattern, recursive=True, include_hidden=True)
    }
    inside = {file for path in found if path.is_dir() for file in path.rglob("*") if file.is_file()}
    return {path for path in found if path.is_file()} | inside


def _is_hidden(path: Path) -> bool:
    here = Path.cwd()
    inside = path.relative_to(here) if path.is_relative_to(here) else Path(path.name)
    return any(part.startswith(".") for part in inside.parts)


def _nothing_found() -> int:
    message = f"No files were found with the provided path: {os.environ['UPLOAD_PATH']}."
    kind = os.environ["UPLOAD_IF_NONE"]
    if kind != "ignore":
        print(f"::{'error' if kind == 'error' else 'warning'}::{message}")
    return 1 if kind == "error" else 0


def _expiry() -> dict[str, str]:
    days = int(os.environ["UPLOAD_DAYS"] or 0)
    when = datetime.now(UTC) + timedelta(days=days)
    return {"expires_at": when.strftime("%Y-%m-%dT%H:%M:%SZ")} if days else {}


def _backend_ids(token: str) -> tuple[str, str]:
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    scope = next(s for s in claims["scp"].split() if s.startswith("Actions.Results:"))
    _, run, job = scope.split(":")
    return run, job


def _call(method: str, body: dict[str, Any], missing_is_fine: bool = False) -> dict[str, Any]:
    url = f"{os.environ['ACTIONS_RESULTS_URL']}{_SERVICE}/{method}"
    headers = {
        "Authorization": f"Bearer {os.environ['ACTIONS_RUNTIME_TOKEN']}",
        "Content-Type": "application/json",
    }
    try:
        answer: dict[str, Any] = json.loads(_send("POST", url, json.dumps(body).encode(), headers))
    except OSError:
        if missing_is_fine:
            return {}
        raise
    return answer


def _send(method: str, url: str, body: bytes, headers: dict[str, str]) -> bytes:
    request = Request(url, data=body, method=method, headers=headers)  # noqa: S310  (GitHub's)
    with _CLIENT.open(request, timeout=_TIMEOUT_SECONDS) as answer:
        sent: bytes = answer.read()
    return sent


def _output(identifier: str, digest: str) -> None:
    server, run = os.environ["GITHUB_SERVER_URL"], os.environ["GITHUB_RUN_ID"]
    address = f"{server}/{os.environ['GITHUB_REPOSITORY']}/actions/runs/{run}"
    with open(os.environ["GITHUB_OUTPUT"], "a") as outputs:
        outputs.write(f"artifact-id={identifier}\nartifact-digest={digest}\n")
        outputs.write(f"artifact-url={address}/artifacts/{identifier}\n")


if __name__ == "__main__":
    sys.exit(main())
