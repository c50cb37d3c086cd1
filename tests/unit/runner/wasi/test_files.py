"""Files as programs use them, through the functions that they call."""

import pytest

from runner.sandbox.wasi.abi import Errno, FdFlags
from runner.sandbox.wasi.world import World
from schema import limits
from schema.violations import ViolationKind
from tests.support.wasi_calls import CREAT, READ, WRITE, Caller, entries_of
from tests.unit.runner.wasi.conftest import RESOURCES, SCRATCH

OK = Errno.SUCCESS


def opened(guest: Caller, path: bytes = b"file", **others: int) -> int:
    assert guest.open(SCRATCH, path, CREAT, READ | WRITE, **others) is OK
    return guest.number


def test_a_removed_file_lives_until_it_is_closed(guest: Caller, world: World) -> None:
    # Temporary files are made so: opened, removed, and then used.
    fd = opened(guest)
    assert guest.call("path_unlink_file", SCRATCH, b"file") is OK
    assert guest.write(fd, b"still here") is OK
    assert guest.pread(fd, 100, 0) is OK
    assert guest.value == b"still here"
    assert world.scratch is not None
    assert world.scratch.bytes_held == 10
    assert guest.call("fd_close", fd) is OK
    assert world.scratch.bytes_held == 0


def test_nothing_is_made_in_a_removed_folder(guest: Caller, world: World) -> None:
    assert guest.call("path_create_directory", SCRATCH, b"gone") is OK
    assert guest.open(SCRATCH, b"gone") is OK
    folder = guest.number
    assert guest.call("path_remove_directory", SCRATCH, b"gone") is OK
    assert guest.open(folder, b"file", CREAT, WRITE) is Errno.NOENT
    assert guest.call("path_create_directory", folder, b"below") is Errno.NOENT
    assert world.scratch is not None
    assert world.scratch.bytes_held == 0


def test_appending_goes_to_the_end_wherever_the_offset_is(guest: Caller) -> None:
    fd = opened(guest, flags=FdFlags.APPEND)
    assert guest.write(fd, b"one") is OK
    assert guest.seek(fd, 0, 0) is OK
    assert guest.write(fd, b"two") is OK
    assert guest.tell(fd) is OK
    assert guest.value == 6
    assert guest.call("fd_fdstat_set_flags", fd, 0) is OK
    assert guest.seek(fd, 0, 0) is OK
    assert guest.write(fd, b"1") is OK
    assert guest.pread(fd, 100, 0) is OK
    assert guest.value == b"1netwo"


def test_an_empty_write_past_the_end_makes_nothing_longer(guest: Caller) -> None:
    fd = opened(guest)
    assert guest.pwrite(fd, b"", 50) is OK
    assert guest.fstat(fd) is OK
    assert guest.stat_value[4] == 0


def test_a_write_past_the_end_leaves_zeroes_before_it(guest: Caller) -> None:
    fd = opened(guest)
    assert guest.pwrite(fd, b"x", 3) is OK
    assert guest.pread(fd, 100, 0) is OK
    assert guest.value == b"\0\0\0x"
    assert guest.tell(fd) is OK
    assert guest.value == 0


def test_renumbering_closes_what_was_there(guest: Caller, world: World) -> None:
    first, second = opened(guest, b"one"), opened(guest, b"two")
    assert guest.call("path_unlink_file", SCRATCH, b"two") is OK
    assert guest.write(second, b"x" * 100) is OK
    assert guest.call("fd_renumber", first, second) is OK
    assert guest.fstat(first) is Errno.BADF
    assert guest.write(second, b"to one") is OK
    assert guest.stat(SCRATCH, b"one") is OK
    assert guest.stat_value[4] == 6
    assert world.scratch is not None
    assert world.scratch.bytes_held == 256 + 3 + 6
    assert guest.call("fd_renumber", second, second) is OK
    assert guest.call("fd_renumber", second, 50) is Errno.BADF


def test_times_are_set_as_the_flags_say(guest: Caller) -> None:
    fd = opened(guest)
    assert guest.call("fd_filestat_set_times", fd, 111, 222, 1 | 4) is OK
    assert guest.fstat(fd) is OK
    assert guest.stat_value[5:7] == (111, 222)
    assert guest.call("fd_filestat_set_times", fd, 0, 0, 2) is OK
    assert guest.fstat(fd) is OK
    assert guest.stat_value[5] > 222
    assert guest.stat_value[6] == 222
    assert guest.call("fd_filestat_set_times", fd, 0, 0, 1 | 2) is Errno.INVAL
    assert guest.call("fd_filestat_set_times", fd, 0, 2**64 - 1, 4) is OK
    assert guest.fstat(fd) is OK


@pytest.mark.parametrize("length", [24, 25, 26, 30, 31, 64, 1000])
def test_a_folder_is_read_with_a_buffer_of_any_length_that_holds_an_entry(
    guest: Caller, length: int
) -> None:
    names = [b"f%d" % number for number in range(20)]
    for name in names:
        guest.call("fd_close", opened(guest, name))
    if length < 24 + 3:
        # Too short for the longest: the guest sees that it was cut, and asks with more.
        assert guest.readdir(SCRATCH, 0, length) is OK
        assert len(guest.value) == length
        return
    assert guest.names(SCRATCH, length) == [b".", b"..", *names]


def test_removing_what_was_read_hides_nothing_from_the_reader(guest: Caller) -> None:
    names = {b"f%d" % number for number in range(30)}
    for name in names:
        guest.call("fd_close", opened(guest, name))
    seen: set[bytes] = set()
    cookie, full = 0, True
    while full:
        assert guest.readdir(SCRATCH, cookie, 100) is OK
        full = len(guest.value) == 100
        for following, name in entries_of(guest.value):
            cookie = following
            if name not in {b".", b".."}:
                seen.add(name)
                assert guest.call("path_unlink_file", SCRATCH, name) is OK
    assert seen == names
    assert guest.names(SCRATCH) == [b".", b".."]


def test_a_cookie_from_nowhere_finds_no_entry(guest: Caller) -> None:
    for cookie in (3, 2**32, 2**64 - 1):
        assert guest.readdir(SCRATCH, cookie) is OK
        assert guest.value == b""


def test_the_descriptors_are_counted_before_anything_is_made(guest: Caller, world: World) -> None:
    while len(world.descriptors) < limits.OPEN_FILES_MAX:
        opened(guest)
    assert guest.open(SCRATCH, b"one too many", CREAT, WRITE) is Errno.MFILE
    assert guest.stat(SCRATCH, b"one too many") is Errno.NOENT
    assert world.violations.counts == {(ViolationKind.OPEN_FILES, ""): 1}


def test_resources_are_read_and_not_changed(guest: Caller, world: World) -> None:
    assert guest.open(RESOURCES, b"words/two") is OK
    fd = guest.number
    assert guest.read(fd, 10) is OK
    assert guest.value == b"22"
    refused = [
        guest.write(fd, b"x"),
        guest.open(RESOURCES, b"top", 0, WRITE),
        guest.open(RESOURCES, b"new", CREAT, WRITE),
        guest.call("path_unlink_file", RESOURCES, b"top"),
        guest.call("path_rename", RESOURCES, b"top", SCRATCH, b"mine"),
        guest.call("path_link", RESOURCES, 0, b"top", SCRATCH, b"mine"),
        guest.call("path_symlink", b"top", RESOURCES, b"link"),
        guest.call("fd_filestat_set_times", fd, 0, 0, 1),
    ]
    assert set(refused) == {Errno.BADF, Errno.ROFS, Errno.XDEV}
    assert world.violations.has(ViolationKind.READ_ONLY)
    assert guest.names(RESOURCES) == [b".", b"..", b"top", b"words"]


def test_two_trees_are_two_devices(guest: Caller) -> None:
    # Programs tell whether two files are the same by device and inode.
    assert guest.stat(RESOURCES, b".") is OK
    resources = guest.stat_value[:2]
    assert guest.stat(SCRATCH, b".") is OK
    assert guest.stat_value[:2] != resources


def test_streams_have_no_offset(guest: Caller) -> None:
    for fd in range(3):
        assert guest.seek(fd, 0, 0) is Errno.SPIPE
        assert guest.tell(fd) is Errno.SPIPE
    assert guest.write(0, b"x") is Errno.BADF
    assert guest.read(1, 1) is Errno.BADF
    assert guest.read(0, 3) is OK
    assert guest.value == b"inp"


def test_what_does_not_fit_a_bad_vector_is_not_lost(guest: Caller) -> None:
    assert guest.call("fd_read", 0, 2**32 - 8, 1, 0) is Errno.FAULT
    assert guest.call("fd_read", 0, 0, 2**32 - 1, 0) is Errno.INVAL
    assert guest.read(0, 100) is OK
    assert guest.value == b"inputs"
