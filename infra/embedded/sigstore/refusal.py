"""What the local Sigstore says to requests that it does not take."""

from http import HTTPStatus


class RefusedError(Exception):
    """The request is at fault; the message says how, and never repeats what it was sent.

    Args:
        message: one sentence for the person who signs.
        status: the HTTP status that says the same.
    """

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        self.message = message
        self.status = status
        super().__init__(message)
