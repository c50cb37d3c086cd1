"""`wasi:io`: errors and streams. Streams are in memory, so reading and writing never wait."""

from runner.sandbox.wasi.abi import GuestEnd
from runner.sandbox.wasip2.clocks import READY
from runner.sandbox.wasip2.guest import ComponentGuest, Interface, Resource
from runner.sandbox.wasip2.values import Case, Err, Handle, Ok, u64

# What one call moves at most; the standard allows 4,096 bytes to the writes that also flush.
_READ_BYTES_MAX = 64 * 1024
_WRITE_BYTES_MAX = 64 * 1024

_CLOSED = Err(Case("closed"))


def _read(guest: ComponentGuest, stream: int, length: int) -> Ok | Err:
    if length == 0:
        return Ok(b"")
    piece = guest.thing(stream).read(min(length, _READ_BYTES_MAX))
    return Ok(piece) if piece else _CLOSED


def _skip(guest: ComponentGuest, stream: int, length: int) -> Ok | Err:
    match _read(guest, stream, length):
        case Ok(bytes(piece)):
            return Ok(u64(len(piece)))
        case other:
            return other


def _check_write(_guest: ComponentGuest, _stream: int) -> Ok:
    return Ok(u64(_WRITE_BYTES_MAX))


def _write(guest: ComponentGuest, stream: int, piece: bytes | list[int]) -> Ok:
    # A list without items does not say that it is one of bytes.
    if len(piece) > _WRITE_BYTES_MAX:
        raise GuestEnd("SPELL_TRAPPED", {"trap": "write_too_large"})
    guest.thing(stream).write(bytes(piece or b""))
    return Ok()


def _write_zeroes(guest: ComponentGuest, stream: int, length: int) -> Ok:
    return _write(guest, stream, bytes(min(length, _WRITE_BYTES_MAX + 1)))


def _flush(_guest: ComponentGuest, _stream: int) -> Ok:
    return Ok()


def _splice(guest: ComponentGuest, target: int, source: int, length: int) -> Ok | Err:
    match _read(guest, source, length):
        case Ok(bytes(piece)):
            _write(guest, target, piece)
            return Ok(u64(len(piece)))
        case other:
            return other


def _subscribe(guest: ComponentGuest, _stream: int) -> Handle:
    return guest.hand_out(Resource.POLLABLE, READY)


def _to_debug_string(_guest: ComponentGuest, _error: int) -> str:
    return "an error"


INTERFACES = [
    Interface(
        "wasi:io/error",
        {"[method]error.to-debug-string": _to_debug_string},
        {"error": Resource.ERROR},
    ),
    Interface(
        "wasi:io/streams",
        {
            "[method]input-stream.read": _read,
            "[method]input-stream.blocking-read": _read,
            "[method]input-stream.skip": _skip,
            "[method]input-stream.blocking-skip": _skip,
            "[method]input-stream.subscribe": _subscribe,
            "[method]output-stream.check-write": _check_write,
            "[method]output-stream.write": _write,
            "[method]output-stream.blocking-write-and-flush": _write,
            "[method]output-stream.flush": _flush,
            "[method]output-stream.blocking-flush": _flush,
            "[method]output-stream.subscribe": _subscribe,
            "[method]output-stream.write-zeroes": _write_zeroes,
            "[method]output-stream.blocking-write-zeroes-and-flush": _write_zeroes,
            "[method]output-stream.splice": _splice,
            "[method]output-stream.blocking-splice": _splice,
        },
        {"input-stream": Resource.INPUT_STREAM, "output-stream": Resource.OUTPUT_STREAM},
    ),
]
