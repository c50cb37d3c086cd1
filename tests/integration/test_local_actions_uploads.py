"""What a run may send as an artifact: as much as it may, once, and under a name that is one."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.embedded.github.actions import artifact_service, artifacts
from infra.embedded.github.actions.documents import Document
from tests.support.actions_host import Served, serving, workflow

_TWIRP = "/twirp/github.actions.results.api.v1.ArtifactService"
_QUICK = {".github/workflows/w.yml": workflow("      - run: 'true'\n")}


class Uploading:
    """The artifact service as a run of the repository meets it."""

    def __init__(self, served: Served) -> None:
        assert served.place is not None
        self._http = served.http
        run_id = served.dispatch()
        served.wait(run_id)
        self.run: Document = served.place.runs.get(run_id) or {}
        self._token = served.place.orders.token(self.run)

    def call(self, method: str, **said: Any) -> httpx.Response:
        body = {"workflow_run_backend_id": str(self.run["id"]), **said}
        headers = {"authorization": f"Bearer {self._token}"}
        return self._http.post(f"{_TWIRP}/{method}", json=body, headers=headers)

    def begin(self, name: str = "spell-output") -> str:
        answer = self.call("CreateArtifact", name=name, version=4)
        return str(answer.raise_for_status().json()["signed_upload_url"])

    def block(self, url: str, block_id: str, content: bytes) -> int:
        address = f"{url}&comp=block&blockid={block_id}"
        return self._http.put(address, content=content).status_code

    def join(self, url: str, *block_ids: str) -> int:
        listed = "".join(f"<Latest>{block_id}</Latest>" for block_id in block_ids)
        content = f"<BlockList>{listed}</BlockList>"
        return self._http.put(f"{url}&comp=blocklist", content=content).status_code


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path, _QUICK) as served:
        yield served


@pytest.fixture
def uploading(served: Served) -> Uploading:
    return Uploading(served)


def test_blocks_are_joined_in_the_order_of_their_list(served: Served, uploading: Uploading) -> None:
    url = uploading.begin()
    assert [uploading.block(url, name, name.encode()) for name in ("b", "a")] == [201, 201]
    assert uploading.join(url, "a", "b") == 201
    digest = hashlib.sha256(b"ab").hexdigest()
    done = uploading.call("FinalizeArtifact", name="spell-output", size="2", hash=digest)
    assert done.status_code == 200
    assert served.artifact(uploading.run["id"]) == b"ab"


def test_a_block_counts_once_and_must_be_there(uploading: Uploading) -> None:
    url = uploading.begin()
    uploading.block(url, "a", b"x" * 1000)
    assert uploading.join(url, *["a"] * 1000) == 400
    assert uploading.join(url, "a", "none") == 400
    assert uploading.join(url, "../../key") == 400
    assert uploading.block(url, "../../key", b"") == 400


def test_all_blocks_together_have_the_limit_of_an_artifact(
    uploading: Uploading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "ARTIFACT_BYTES_MAX", 100)
    url = uploading.begin()
    sizes = [60, 40, 1]
    sent = [uploading.block(url, f"b{size}", b"x" * size) for size in sizes]
    assert sent == [201, 201, 413]
    assert uploading.block(url, "b60", b"x" * 61) == 413


def test_what_is_finalized_does_not_change_any_more(served: Served, uploading: Uploading) -> None:
    url = uploading.begin()
    served.http.put(url, content=b"first").raise_for_status()
    uploading.call("FinalizeArtifact", name="spell-output", size="5").raise_for_status()
    assert served.http.put(url, content=b"other").status_code == 403
    assert uploading.join(url) == 403
    assert served.artifact(uploading.run["id"]) == b"first"
    uploading.call("DeleteArtifact", name="spell-output").raise_for_status()
    assert served.http.put(url, content=b"other").status_code == 403


@pytest.mark.parametrize("name", ["", "a/b", "..\\x", "a\r\nset-cookie: x", "a\x00", "n" * 257, 7])
def test_a_name_that_is_no_file_is_no_artifact(uploading: Uploading, name: Any) -> None:
    assert uploading.call("CreateArtifact", name=name, version=4).status_code == 400


def test_a_run_has_so_many_artifacts_and_no_more(
    uploading: Uploading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifact_service, "ARTIFACTS_MAX", 2)
    uploading.begin("one")
    uploading.begin("two")
    assert uploading.call("CreateArtifact", name="three", version=4).status_code == 429


def test_a_token_of_one_run_is_not_good_for_another(uploading: Uploading) -> None:
    other = str(uploading.run["id"] + 1)
    answer = uploading.call("CreateArtifact", name="x", workflow_run_backend_id=other)
    assert answer.status_code == 401


def test_nothing_outside_a_runs_folder_is_removed_with_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    step = f"      - run: ln -s {outside} link && ln -s {outside}/kept one\n"
    files = {".github/workflows/w.yml": workflow(step)}
    with serving(tmp_path / "server", files) as served:
        run_id = served.dispatch()
        assert served.wait(run_id)["conclusion"] == "success"
        folder = tmp_path / "server" / "runs" / str(run_id) / "1"
        until = time.monotonic() + 10
        while (left := [entry.name for entry in folder.iterdir()]) != ["logs"]:
            assert time.monotonic() < until, left
            time.sleep(0.02)
    assert (outside / "kept").read_text() == "kept"


def test_lines_of_a_log_are_lines_whatever_a_step_prints(served: Served) -> None:
    assert served.host is not None
    forged = "2026-01-01T00:00:00.0000000Z forged"
    step = (
        f"      - run: printf 'a\\r{forged}\\033[2K\\n::error::said\\n::set-output name=x::y\\n'\n"
    )
    served.host.files[".github/workflows/w.yml"] = workflow(step)
    run_id = served.dispatch()
    served.wait(run_id)
    lines = served.log(run_id).splitlines()
    forgeries = [line for line in lines if "forged" in line and "printf" not in line]
    assert forgeries
    assert not any(line.startswith("2026-01-01T00:00:00.0000000Z forged") for line in forgeries)
