"""What routes read of a request: a JSON body, a page of a list; and who writes commits."""

import base64
import binascii
import json
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import JSONResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.paging import PageNumber, PageSize, links, page
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.git_objects import Person
from infra.embedded.github.server import Server


async def _json_body(request: Request) -> Document:
    """The object that was sent; nothing sent is an empty one. Raises RefusedError: 400."""
    sent = await request.body()
    if not sent:
        return {}
    try:
        said = json.loads(sent)
        if b"\\u" in sent:
            # Half of a surrogate pair is no text that could be kept.
            json.dumps(said, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise RefusedError(400, "Problems parsing JSON") from None
    if not isinstance(said, dict):
        raise RefusedError(400, "Body should be a JSON object")
    return said


JsonBody = Annotated[Document, Depends(_json_body)]


class Page:
    """Which part of a list is wanted."""

    def __init__(
        self,
        request: Request,
        page_number: Annotated[PageNumber, Query(alias="page")] = 1,
        per_page: PageSize = 30,
    ) -> None:
        self._request = request
        self._number = page_number
        self._size = per_page

    def answer(self, items: Sequence[Document]) -> JSONResponse:
        """The page of a list that is an array, with `Link` to its neighbours."""
        begin, last = (self._number - 1) * self._size, -(-len(items) // self._size)
        headers = links(self._request, self._number, last)
        return JSONResponse(list(items[begin : begin + self._size]), headers=headers)

    def counted(self, name: str, items: Sequence[Document]) -> JSONResponse:
        """The page of a list that tells its length."""
        return page(self._request, name, items, self._number, self._size)


WantedPage = Annotated[Page, Depends()]


def text_of(body: Mapping[str, Any], name: str, chars_max: int = 65_536) -> str:
    """A member that must be there. Raises RefusedError: 422."""
    value = body.get(name)
    if value is None:
        raise RefusedError(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
    if not isinstance(value, str):
        raise RefusedError(422, f"Invalid request.\n\nFor '{name}', {value!r:.80} is not a string.")
    if not 0 < len(value) <= chars_max:
        raise RefusedError(422, f"Invalid request.\n\n'{name}' has no fitting length.")
    return value


def base64_of(body: Mapping[str, Any], name: str) -> bytes:
    """A member in base64. Raises RefusedError: 422."""
    value = body.get(name)
    if not isinstance(value, str):
        raise RefusedError(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(422, f"{name} is not valid Base64") from None


def writer(server: Server, request: Request) -> Person:
    """Who writes a commit: whoever asks, now."""
    caller = server.callers.caller(request)
    assert caller is not None, "who may write has said who it is"
    email = f"{caller.login}@users.noreply.localhost"
    return Person(caller.login, email, int(time.time()))


def where_of(server: Server, repository: Document) -> tuple[str, str]:
    """The addresses of a repository: in the API, and for people."""
    full_name = f"{repository['owner']}/{repository['name']}"
    return f"{server.base_url}/repos/{full_name}", f"{server.base_url}/{full_name}"
