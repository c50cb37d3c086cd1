"""Goal: a form costs no more memory than its parts may have. Method: forms that never end."""

from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request

from api.multipart import read_parts
from schema.errors import SpellError

CHUNK = b"x" * 65_536
CHUNKS_MAX = 64


class Body:
    """A body without a declared length, that goes on for as long as somebody reads it."""

    def __init__(self, beginning: bytes) -> None:
        self.taken = 0
        self._beginning = beginning

    def request(self) -> Request:
        kind = (b"content-type", b"multipart/form-data; boundary=b")
        scope = {"type": "http", "method": "POST", "headers": [kind]}
        frames = self._frames()

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": await anext(frames), "more_body": True}

        return Request(scope, receive)

    async def _frames(self) -> AsyncIterator[bytes]:
        yield self._beginning
        while self.taken < CHUNKS_MAX:
            self.taken += 1
            yield CHUNK


@pytest.mark.parametrize(
    "beginning",
    [
        b"--b\r\nX-Long",
        b"--b\r\nContent-Disposition: ",
        b'--b\r\nContent-Disposition: form-data; name="package"\r\n\r\n',
    ],
    ids=["name of a header", "value of a header", "part"],
)
async def test_a_form_that_never_ends_is_refused_early(beginning: bytes) -> None:
    body = Body(beginning)
    with pytest.raises(SpellError):
        await read_parts(body.request(), {"package": len(CHUNK)})
    assert body.taken <= 3
