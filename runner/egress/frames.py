"""Fetches and their answers as frames: a number in the head, then the model, then the body."""

from pydantic import ValidationError

from runner.egress.messages import FetchAnswer, FetchBounds, FetchRequest
from runner.processes.wire import Frame, FrameError
from schema import limits
from schema.contracts.base import Contract

BODY_BYTES_MAX = limits.NET_MB_MAX * limits.MIB
"""Largest body of a request or response."""
# A request within its bounds fits whatever JSON makes of its characters.
_MODEL_BYTES_MAX = 256 * 1024


class Fetch(Contract):
    """What the supervisor sends for a guest."""

    request: FetchRequest
    bounds: FetchBounds


def fetch_frame(number: int, fetch: Fetch) -> Frame:
    """Ask for a fetch.

    Raises:
        ValueError: the guest wrote what is not text, or far too much of it.
    """
    model = fetch.model_dump_json(exclude={"request": {"body"}}).encode()
    if len(model) > _MODEL_BYTES_MAX:
        raise ValueError("the request is far too large")
    return Frame({"fetch": number}, model, fetch.request.body)


def read_fetch(frame: Frame) -> Fetch:
    """The fetch that the supervisor asks for."""
    fetch = Fetch.model_validate_json(frame.first)
    request = fetch.request.model_copy(update={"body": frame.second})
    return fetch.model_copy(update={"request": request})


def answer_frame(number: int, answer: FetchAnswer) -> Frame:
    """Answer a fetch."""
    model = answer.model_dump_json(exclude={"body"})
    return Frame({"answer": number}, model.encode(), answer.body)


def read_answer(frame: Frame, bytes_max: int) -> FetchAnswer:
    """The answer of a process that is not trusted to keep to its bounds.

    Raises:
        FrameError: it is not an answer, or more than was allowed.
    """
    try:
        answer = FetchAnswer.model_validate_json(frame.first)
    except ValidationError as error:
        raise FrameError("not an answer to a fetch") from error
    is_response = answer.refusal is None and answer.status > 0
    is_refusal = answer.refusal is not None and not (answer.status or frame.second)
    within = len(frame.second) <= answer.bytes_used <= bytes_max
    if not within or not (is_response or is_refusal):
        raise FrameError("an answer outside of its bounds")
    return answer.model_copy(update={"body": frame.second})
