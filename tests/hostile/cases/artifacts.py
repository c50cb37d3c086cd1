"""Guests that try to make artifacts of what is none, or more of them than they may."""

from runner.sandbox.wasi.abi import Errno
from tests.hostile.case import ARTIFACTS, TREES, Case
from tests.hostile.cases.files import ANSWERS_OF, PATHS

_FULL = frozenset({"artifacts_full"})
_ESCAPE = frozenset({"path_escape"})
_NAMES = {
    "a control character": (b"a\x07b", "INVAL INVAL INVAL"),
    "a line end": (b"a\n", "INVAL INVAL INVAL"),
    "an escape sequence": (b"\x1b[2Jx", "INVAL INVAL INVAL"),
    "a NUL": (b"a\0b", "ILSEQ ILSEQ ILSEQ"),
    "no UTF-8": (b"\xff\xfe", "ILSEQ ILSEQ ILSEQ"),
    "a letter that turns the writing": ("a\u202egpj.exe".encode(), "INVAL INVAL INVAL"),
    "4,096 bytes": (b"x" * 4096, "NAMETOOLONG NAMETOOLONG NAMETOOLONG"),
    "201 bytes": (b"x" * 201, "NAMETOOLONG NAMETOOLONG NAMETOOLONG"),
    "hidden": (b".profile", "INVAL INVAL INVAL"),
    "an option": (b"-rf", "INVAL INVAL INVAL"),
    "a drive": (b"C:", "INVAL INVAL INVAL"),
    "a backslash": (b"..\\x", "INVAL INVAL INVAL"),
    "the output's": (b"output.json", "INVAL INVAL INVAL"),
    "the output's in a roundabout way": (b"./output.json", "INVAL INVAL INVAL"),
}
# Bombs made for /scratch, and what they meet below /artifacts.
_FILLED = (
    "one_file",
    "many_files",
    "many_folders",
    "by_seek",
    "by_offset",
    "by_allocate",
    "by_set_size",
    "without_a_name",
)
_REFUSED = {
    "nested_folders": Errno.NAMETOOLONG,
    "many_names": Errno.PERM,
    "many_links": Errno.PERM,
    "long_names": Errno.NAMETOOLONG,
    "in_a_removed_folder": Errno.NOENT,
}


def _case(entry: str, must_not: str, answers: str, **members: object) -> Case:
    given = {"grants": ARTIFACTS, **members}
    return Case("artifacts", entry, must_not, answers=answers, **given)  # type: ignore[arg-type]


CASES = (
    *(
        Case(
            "scratch_bombs",
            entry,
            "leave more than its quota",
            "OUTPUT_TOO_LARGE",
            details={"artifacts_bytes_max": ARTIFACTS.artifacts_bytes},
            violations=_FULL,
            grants=ARTIFACTS,
            artifacts={},
        )
        for entry in _FILLED
    ),
    *(
        Case(
            "scratch_bombs",
            entry,
            "leave what is no artifact",
            "SPELL_FAILED",
            details={"exit_code": errno},
            grants=ARTIFACTS,
            artifacts={},
        )
        for entry, errno in _REFUSED.items()
    ),
    Case("scratch_bombs", "made_and_removed", "lose what it gave back", grants=ARTIFACTS),
    *(
        Case(
            module,
            "_start",
            f"reach {name!r} from either folder",
            stdin=path,
            answers=" ".join([errno] * 2 * answers),
            violations=violations,
            grants=TREES,
        )
        for module, answers in ANSWERS_OF.items()
        for name, (path, errno, violations) in PATHS.items()
    ),
    *(
        _case("named_by_input", f"leave something called {name}", answers, stdin=path)
        for name, (path, answers) in _NAMES.items()
    ),
    _case(
        "links",
        "leave a link",
        "SUCCESS PERM PERM PERM PERM NOENT",
        violations=_ESCAPE,
        artifacts={"own": b""},
    ),
    _case(
        "between",
        "move anything from one folder to the other",
        "SUCCESS SUCCESS XDEV XDEV PERM XDEV XDEV NOENT NOENT SUCCESS PERM SUCCESS SUCCESS XDEV",
        grants=TREES,
        violations=_ESCAPE,
        artifacts={"a": b""},
    ),
    _case(
        "after_close",
        "write to what it has closed",
        "SUCCESS SUCCESS SUCCESS BADF BADF BADF SUCCESS BADF",
        artifacts={"f": bytes(3)},
    ),
    _case(
        "two_at_once",
        "have its quota twice",
        "SUCCESS SUCCESS NOSPC NOSPC SUCCESS SUCCESS SUCCESS SUCCESS NOSPC SUCCESS SUCCESS",
        violations=_FULL,
        artifacts={"g": bytes(65536)},
    ),
    Case(
        "artifacts",
        "fails",
        "leave anything",
        "SPELL_FAILED",
        details={"exit_code": 1},
        grants=ARTIFACTS,
        artifacts={},
    ),
)
