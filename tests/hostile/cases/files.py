"""Guests that try to leave their folders, to write what they may read, or to fill the scratch."""

from runner.sandbox.wasi.abi import Errno
from tests.hostile.case import FILES, SCRATCH, Case

_ESCAPE = frozenset({"path_escape"})
_FULL = frozenset({"scratch_full"})

# What each call is answered in /resources and in /scratch, for a path that is never allowed.
ANSWERS_OF = {
    "path_open": 3,
    "path_create_directory": 1,
    "path_remove_directory": 1,
    "path_unlink_file": 1,
    "path_filestat_get": 2,
    "path_filestat_set_times": 1,
    "path_readlink": 1,
    "path_link": 2,
    "path_rename": 2,
}
PATHS = {
    "..": (b"..", "PERM", _ESCAPE),
    "../x": (b"../x", "PERM", _ESCAPE),
    "/": (b"/", "PERM", _ESCAPE),
    "/etc/passwd": (b"/etc/passwd", "PERM", _ESCAPE),
    "/scratch/x": (b"/scratch/x", "PERM", _ESCAPE),
    "//x": (b"//x", "PERM", _ESCAPE),
    "./../x": (b"./../x", "PERM", _ESCAPE),
    "././.././x": (b"././.././x", "PERM", _ESCAPE),
    "many ups": (b"../" * 1000 + b"etc/passwd", "PERM", _ESCAPE),
    "nothing": (b"", "NOENT", frozenset()),
    "a NUL": (b"x\0y", "ILSEQ", frozenset()),
    "a NUL after an escape": (b"..\0", "ILSEQ", frozenset()),
    "no UTF-8": (b"\xff\xfe", "ILSEQ", frozenset()),
    "half a surrogate pair": (b"\xed\xa0\x80", "ILSEQ", frozenset()),
    "too long": (b"x" * 5000, "NAMETOOLONG", frozenset()),
    "much too long": (b"x/" * 32_000, "NAMETOOLONG", frozenset()),
    "deep in nothing": (b"not/" * 1000, "NOENT", frozenset()),
}
# A link to the path and what opening it gives, and a link at the path; in both folders.
_LINK_TARGETS = (
    (b"..", "ROFS NOENT PERM SUCCESS PERM PERM", "read_only path_escape"),
    (b"../../etc/passwd", "ROFS NOENT PERM SUCCESS PERM PERM", "read_only path_escape"),
    (b"/etc/passwd", "PERM NOENT PERM PERM NOENT PERM", "path_escape"),
    (b"", "NOENT NOENT NOENT NOENT NOENT NOENT", ""),
    (b"x\0y", "ILSEQ NOENT ILSEQ ILSEQ NOENT ILSEQ", ""),
    (b"x" * 5000, "NAMETOOLONG NOENT NAMETOOLONG NAMETOOLONG NOENT NAMETOOLONG", ""),
    (b"link", "ROFS NOENT ROFS SUCCESS LOOP EXIST", "read_only"),
)


def _full(entry: str) -> Case:
    return Case(
        "scratch_bombs",
        entry,
        "hold more than its quota",
        "SCRATCH_EXCEEDED",
        violations=_FULL,
        limits={"timeout_ms": 10_000},
        grants=SCRATCH,
    )


CASES = (
    *(
        Case(
            module,
            "_start",
            f"reach {name!r}",
            stdin=path,
            answers=" ".join([errno] * 2 * answers),
            violations=violations,
            grants=FILES,
        )
        for module, answers in ANSWERS_OF.items()
        for name, (path, errno, violations) in PATHS.items()
    ),
    *(
        Case(
            "path_symlink",
            "_start",
            f"link to {path!r}",
            stdin=path,
            answers=answers,
            violations=frozenset(violations.split()),
            grants=FILES,
        )
        for path, answers, violations in _LINK_TARGETS
    ),
    Case(
        "links",
        "out",
        "follow a link out of its folder",
        answers=" ".join(
            [
                *["SUCCESS"] * 4,
                *("PERM", "SUCCESS"),
                *["PERM"] * 13,
                *("SUCCESS", "PERM"),
            ]
        ),
        violations=_ESCAPE,
        grants=SCRATCH,
    ),
    Case(
        "links",
        "in_circles",
        "follow links for ever",
        answers="SUCCESS SUCCESS SUCCESS LOOP LOOP LOOP LOOP",
        grants=SCRATCH,
    ),
    Case(
        "links",
        "nowhere",
        "make what is not there",
        answers="SUCCESS NOENT NOENT SUCCESS",
        grants=SCRATCH,
    ),
    Case(
        "read_only",
        "_start",
        "change what it may only read",
        answers=" ".join(
            [
                *["ROFS"] * 10,
                *("XDEV", "SUCCESS", "ROFS", "ROFS", "SUCCESS"),
                *["BADF"] * 4,
                *("ROFS", "SUCCESS", "1"),
            ]
        ),
        violations=frozenset({"read_only"}),
        grants=FILES,
    ),
    *(
        _full(entry)
        for entry in (
            "one_file",
            "many_files",
            "many_folders",
            "nested_folders",
            "many_names",
            "many_links",
            "long_names",
            "by_seek",
            "by_offset",
            "by_allocate",
            "by_set_size",
            "without_a_name",
        )
    ),
    Case(
        "scratch_bombs",
        "in_a_removed_folder",
        "hide bytes in a folder that is gone",
        code="SPELL_FAILED",
        details={"exit_code": Errno.NOENT},
        grants=SCRATCH,
    ),
    Case("scratch_bombs", "made_and_removed", "lose what it gave back", grants=SCRATCH),
    Case(
        "folders",
        "into_themselves",
        "tie folders into a knot",
        answers=(
            "SUCCESS SUCCESS INVAL INVAL SUCCESS BUSY BUSY BUSY NOTEMPTY INVAL NOTEMPTY INVAL "
            "ISDIR PERM"
        ),
        grants=SCRATCH,
    ),
    Case(
        "folders",
        "up_from_what_was_moved",
        "find a way up",
        answers="SUCCESS SUCCESS SUCCESS SUCCESS PERM PERM SUCCESS PERM SUCCESS",
        violations=_ESCAPE,
        grants=SCRATCH,
    ),
    Case(
        "folders",
        "listing",
        "read beside a folder",
        answers="SUCCESS SUCCESS 0 SUCCESS 1 SUCCESS 0 SUCCESS 0 FAULT NOTDIR",
        grants=SCRATCH,
    ),
)
