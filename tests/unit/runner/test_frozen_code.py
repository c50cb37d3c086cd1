"""Compiled code in memory: nobody changes it, cuts it under a mapping, or leaks it."""

import ctypes
import fcntl
import gc
import mmap
import os
import socket
from pathlib import Path

import pytest

from runner.compiling.cache_counters import CacheCounters
from runner.compiling.code_memory import CodeMemory
from runner.compiling.frozen_code import FrozenCode

CODE = bytes(range(256)) * 64


def open_descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def test_it_holds_what_it_was_given() -> None:
    code = FrozenCode.of(CODE)
    assert code.size_bytes == len(CODE)
    assert code.content() == CODE
    with code.lent() as descriptor:
        assert os.pread(descriptor, len(CODE) + 1, 0) == CODE


@pytest.mark.parametrize("mode", [os.O_RDONLY, os.O_RDWR])
def test_a_holder_can_neither_change_nor_cut_nor_thaw_it(mode: int) -> None:
    """Even one who opens it anew for writing, as the file's mode allows."""
    code = FrozenCode.of(CODE)
    with code.lent() as descriptor:
        holder = os.open(f"/proc/self/fd/{descriptor}", mode)
    try:
        for attempt in (
            lambda: os.pwrite(holder, b"x", 0),
            lambda: os.ftruncate(holder, 0),
            lambda: os.ftruncate(holder, len(CODE) + 1),
            lambda: mmap.mmap(holder, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE),
            lambda: fcntl.fcntl(holder, fcntl.F_ADD_SEALS, 0),
        ):
            with pytest.raises(OSError):  # noqa: PT011 - each has its own errno
                attempt()
        assert code.content() == CODE
    finally:
        os.close(holder)


def test_a_mapping_made_for_reading_does_not_become_one_for_writing() -> None:
    code = FrozenCode.of(CODE)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    with code.lent() as descriptor:
        address = libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    assert address != ctypes.c_void_p(-1).value
    assert libc.mprotect(address, 4096, mmap.PROT_READ | mmap.PROT_WRITE) != 0
    libc.munmap(address, 4096)


def test_one_holders_locks_and_offsets_do_not_reach_the_next() -> None:
    code = FrozenCode.of(CODE)
    with code.lent() as first, code.lent() as second:
        os.lseek(first, 100, os.SEEK_SET)
        fcntl.flock(first, fcntl.LOCK_EX)
        assert os.lseek(second, 0, os.SEEK_CUR) == 0
        with pytest.raises(OSError, match="temporarily unavailable"):
            fcntl.fcntl(first, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        assert os.pread(second, 1, 0) == CODE[:1]


def test_it_cannot_be_made_while_somebody_may_write_it() -> None:
    descriptor = os.memfd_create("open", os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, 4096)
    mapping = mmap.mmap(descriptor, 4096)
    with pytest.raises(OSError, match="busy"):
        FrozenCode(descriptor)
    mapping.close()


def test_a_thousand_of_them_leave_no_descriptor() -> None:
    before = open_descriptors()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for _ in range(1000):
            with FrozenCode.of(CODE).lent() as descriptor:
                socket.send_fds(ours, [b"."], [descriptor])
            _, (received,), _, _ = socket.recv_fds(theirs, 1, 1)
            os.close(received)
    assert open_descriptors() == before


def test_memory_keeps_what_was_used_last() -> None:
    counters = CacheCounters()
    memory = CodeMemory(3 * len(CODE), counters)
    for name in "abc":
        memory.put("engine", name, FrozenCode.of(CODE))
    assert memory.get("engine", "a") is not None  # now the last used
    memory.put("engine", "d", FrozenCode.of(CODE))
    kept = [name for name in "abcd" if memory.get("engine", name) is not None]
    assert kept == ["a", "c", "d"]
    assert counters.numbers().evicted_memory == 1
    assert counters.numbers().memory_bytes == 3 * len(CODE)


def test_memory_is_of_one_engine_and_replaces_what_is_put_again() -> None:
    counters = CacheCounters()
    memory = CodeMemory(3 * len(CODE), counters)
    for _ in range(10):
        memory.put("engine", "a", FrozenCode.of(CODE))
    assert memory.get("another engine", "a") is None
    assert counters.numbers().memory_bytes == len(CODE)
    assert counters.numbers().evicted_memory == 0


def test_code_larger_than_the_memory_serves_until_the_next() -> None:
    memory = CodeMemory(10, CacheCounters())
    memory.put("engine", "large", FrozenCode.of(CODE))
    assert memory.get("engine", "large") is not None
    memory.put("engine", "small", FrozenCode.of(b"x"))
    assert memory.get("engine", "large") is None


def test_evicted_code_gives_its_descriptor_back_when_its_last_user_is_done() -> None:
    before = open_descriptors()
    memory = CodeMemory(10, CacheCounters())
    memory.put("engine", "a", FrozenCode.of(CODE))
    in_use = memory.get("engine", "a")
    memory.put("engine", "b", FrozenCode.of(b"x"))
    assert in_use is not None
    assert in_use.content() == CODE
    assert open_descriptors() == before + 2
    in_use = None
    assert open_descriptors() == before + 1
