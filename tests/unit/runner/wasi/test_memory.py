"""No address and no length reaches beyond the guest's memory."""

from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.wasi.abi import Errno, WasiError
from runner.sandbox.wasi.memory import GuestMemory

_SIZE = 100
_near = st.integers(0, _SIZE + 5) | st.integers(0, 2**32 - 1)


def _memory() -> tuple[bytearray, GuestMemory]:
    """A memory with guards of ones around it, which must stay."""
    content = bytearray(b"\xff" * _SIZE + bytes(_SIZE) + b"\xff" * _SIZE)
    return content, GuestMemory(lambda: memoryview(content)[_SIZE : 2 * _SIZE])


@given(address=_near, length=_near)
def test_reading_gives_exactly_what_is_there_or_a_fault(address: int, length: int) -> None:
    content, memory = _memory()
    inside = address + length <= _SIZE
    try:
        piece = memory.read(address, length)
    except WasiError as error:
        piece = None
        assert error.errno is Errno.FAULT  # noqa: PT017 - both ways are looked at
    assert (piece is not None) is inside
    assert piece is None or piece == bytes(length)
    assert content == bytearray(b"\xff" * _SIZE + bytes(_SIZE) + b"\xff" * _SIZE)


@given(address=_near, piece=st.binary(max_size=_SIZE + 5))
def test_writing_changes_exactly_its_bytes_or_nothing(address: int, piece: bytes) -> None:
    content, memory = _memory()
    expected = bytearray(content)
    try:
        memory.write(address, piece)
        expected[_SIZE + address : _SIZE + address + len(piece)] = piece
    except WasiError as error:
        assert error.errno is Errno.FAULT  # noqa: PT017
        assert address + len(piece) > _SIZE
    assert content == expected


@given(address=_near, length=_near, text=st.binary(max_size=20))
def test_a_path_is_text_of_bounded_length_or_an_error(
    address: int, length: int, text: bytes
) -> None:
    _, memory = _memory()
    memory.write(0, text)
    try:
        path = memory.text(address, length)
    except WasiError as error:
        assert error.errno in {Errno.FAULT, Errno.NAMETOOLONG, Errno.ILSEQ}  # noqa: PT017
        return
    assert b"\0" not in path
    assert len(path.decode("utf-8").encode("utf-8")) == length


def test_a_guest_without_a_memory_can_pass_no_address() -> None:
    memory = GuestMemory(lambda: memoryview(b""))
    assert memory.read(0, 0) == b""
    try:
        memory.write_u32(0, 1)
    except WasiError as error:
        assert error.errno is Errno.FAULT  # noqa: PT017
    else:
        raise AssertionError("written to nothing")
