"""Guests that lie to the host: addresses, lists of buffers, descriptors, offsets."""

import struct

from tests.hostile.case import FILES, SCRATCH, Case

_MEMORY_BYTES = 131_072
_POINTERS = (_MEMORY_BYTES - 1, _MEMORY_BYTES, 2**31, 2**32 - 8, 2**32 - 1)
# Two calls have only good addresses: they make a file and a link.
_POINTER_ANSWERS = " ".join(["SUCCESS", *["FAULT"] * 38, "SUCCESS", *["FAULT"] * 7])


def _number(value: int) -> bytes:
    return struct.pack("<I", value % 2**32)


CASES = (
    *(
        Case(
            "pointers",
            "_start",
            f"have the host touch address {pointer}",
            stdin=_number(pointer),
            answers=_POINTER_ANSWERS,
            grants=SCRATCH,
        )
        for pointer in _POINTERS
    ),
    *(
        Case(
            "bad_descriptors",
            "_start",
            f"use descriptor {number}",
            stdin=_number(number),
            answers=" ".join(["BADF"] * 32),
        )
        for number in (3, 64, 2**31 - 1, 2**31, -1)
    ),
    Case(
        "iovecs",
        "outside",
        "have the host read beside its memory",
        # The last buffer begins inside: a short write is what fits into the log.
        answers="FAULT FAULT FAULT FAULT FAULT FAULT SUCCESS",
        violations=frozenset({"stderr_cut"}),
    ),
    Case("iovecs", "too_many", "make the host read lists for ever", answers="INVAL INVAL INVAL"),
    Case(
        "iovecs",
        "the_whole_memory_a_thousand_times",
        "make the host hold its memory a thousand times",
        "OUTPUT_TOO_LARGE",
    ),
    Case(
        "iovecs",
        "a_list_inside_its_buffer",
        "change a list while it is read",
        stdin=b"will change the list of buffers",
        answers="SUCCESS 1 1",
    ),
    Case("iovecs", "at_odd_addresses", "be refused for an address", output=b"odd"),
    Case("iovecs", "nothing", "fail on nothing", answers="SUCCESS SUCCESS SUCCESS"),
    Case(
        "sockets",
        "_start",
        "have a socket",
        answers=" ".join([*["NOTSOCK"] * 8, *["BADF"] * 8]),
    ),
    Case(
        "descriptors",
        "open_without_end",
        "open more than 64",
        answers="MFILE 63 SUCCESS SUCCESS 10",
        violations=frozenset({"open_files"}),
        grants=SCRATCH,
    ),
    Case(
        "descriptors",
        "folders_without_end",
        "open more than 64",
        answers="MFILE",
        violations=frozenset({"open_files"}),
        grants=SCRATCH,
    ),
    Case(
        "descriptors",
        "renumber",
        "reach what is not its own",
        answers="SUCCESS BADF BADF BADF SUCCESS BADF SUCCESS BADF",
        stderr=b"on the error stream",
    ),
    Case(
        "descriptors",
        "file_over_output",
        "pass a file as output",
        output=b"",
        stderr=b"\0\0\0",
        grants=SCRATCH,
    ),
    Case(
        "descriptors",
        "close_streams",
        "break what watches its streams",
        answers="SUCCESS BADF BADF SUCCESS BADF",
        stderr=b"",
    ),
    Case(
        "descriptors",
        "close_folder",
        "find its folder again",
        answers="SUCCESS BADF BADF",
        grants=SCRATCH,
    ),
    Case(
        "descriptors",
        "use_after_close",
        "use what is closed",
        answers="SUCCESS SUCCESS BADF BADF BADF",
        grants=SCRATCH,
    ),
    Case(
        "descriptors",
        "rights",
        "write what it opened to read",
        answers="SUCCESS SUCCESS BADF BADF BADF NOTSUP BADF SUCCESS BADF",
        grants=SCRATCH,
    ),
    Case(
        "descriptors",
        "wrong_kinds",
        "use one kind as another",
        answers="BADF BADF BADF BADF SPIPE BADF SUCCESS NOTDIR NOTDIR NOTDIR NOTDIR ISDIR",
        grants=SCRATCH,
    ),
    Case(
        "offsets",
        "_start",
        "overflow an offset",
        answers=(
            "SUCCESS SUCCESS INVAL INVAL INVAL INVAL INVAL SUCCESS INVAL INVAL SUCCESS INVAL "
            "FBIG INVAL INVAL INVAL INVAL INVAL INVAL SUCCESS INVAL INVAL SUCCESS 4"
        ),
        grants=SCRATCH,
    ),
    Case("environment", "_start", "find anything around it", output=b"spell\0"),
    Case(
        "environment",
        "_start",
        "find more than it was given",
        output=b"A=1\0EMPTY=\0spell\0/resources/scratch",
        grants=type(FILES)(resources=True, scratch_bytes=4096, environment={"A": "1", "EMPTY": ""}),
    ),
    *(
        Case("surroundings", entry, "find anything around it")
        for entry in ("no_environment", "no_arguments_but_its_name", "no_folders", "no_files")
    ),
)
