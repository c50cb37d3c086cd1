"""Goal: a package arrives whole over connections that break. Method: an API that breaks them."""

from typing import Any, cast

import pytest

from cli.client import Api, CliError, ExitCode
from cli.publications import CHUNK_BYTES, TRIES, upload
from schema.ids import sha256_digest

ARCHIVE = bytes(range(256)) * (CHUNK_BYTES * 5 // 2 // 256)


class BreakingApi:
    """Takes chunks as the platform does; `lose` and `drop` say which calls break.

    Args:
        lose: calls whose answer is lost after their effect.
        drop: calls that never arrive.
    """

    def __init__(self, *, lose: set[int] = set(), drop: set[int] = set()) -> None:  # noqa: B006
        self.received = b""
        self.keys: list[str] = []
        self._lose = lose
        self._drop = drop
        self._calls = 0

    def json(self, method: str, path: str, **options: Any) -> Any:
        self._calls += 1
        if self._calls in self._drop:
            raise CliError("the connection broke", ExitCode.PLATFORM)
        answer = self._begin(options) if method == "POST" else self._append(path, options)
        if self._calls in self._lose:
            raise CliError("the connection broke", ExitCode.PLATFORM)
        return answer

    def _begin(self, options: dict[str, Any]) -> dict[str, Any]:
        self.keys.append(options["headers"]["Idempotency-Key"])
        assert options["json"]["package_digest"] == sha256_digest(ARCHIVE)
        return {"upload_id": "upl", "offset": len(self.received)}

    def _append(self, path: str, options: dict[str, Any]) -> dict[str, Any]:
        assert path == "/v1/uploads/upl"
        offset = int(options["headers"]["Upload-Offset"])
        if offset != len(self.received):
            details = {"offset": len(self.received)}
            document = {"code": "UPLOAD_OFFSET_CONFLICT", "details": details}
            raise CliError("conflict", ExitCode.REFUSED, document)
        self.received += options["content"]
        if len(self.received) < len(ARCHIVE):
            return {"offset": len(self.received), "publication_id": None}
        return {"publication_id": "pub", "state": "running"}


def send(api: BreakingApi) -> tuple[str, list[int]]:
    sent: list[int] = []
    return upload(cast("Api", api), ARCHIVE, b"bundle", sent.append), sent


def test_a_package_is_sent_in_chunks_and_told_as_it_goes() -> None:
    api = BreakingApi()
    assert send(api) == ("pub", [0, CHUNK_BYTES, 2 * CHUNK_BYTES, len(ARCHIVE)])
    assert api.received == ARCHIVE


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_a_call_that_never_arrived_is_made_again(call: int) -> None:
    api = BreakingApi(drop={call})
    assert send(api)[0] == "pub"
    assert api.received == ARCHIVE


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_a_call_whose_answer_was_lost_is_found_done(call: int) -> None:
    api = BreakingApi(lose={call})
    assert send(api)[0] == "pub"
    assert api.received == ARCHIVE
    assert len(set(api.keys)) == 1


def test_what_keeps_breaking_is_given_up() -> None:
    with pytest.raises(CliError, match="broke"):
        send(BreakingApi(drop=set(range(2, 2 + TRIES))))
