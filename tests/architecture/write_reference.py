"""`make openapi`: write docs/openapi.json, docs/errors.md and docs/reasons.md from the code.

Tests compare the files with what this module would write, so neither is edited by hand.
"""

import json
import sys

from api.main import create_app
from schema.contracts.supply_chain import Check
from schema.error_catalogue import Charged, ErrorKind
from schema.errors import catalogue
from schema.supply_chain.reasons import REASONS
from tests.architecture.source import DOCS

OPENAPI_FILE = DOCS / "openapi.json"
ERRORS_FILE = DOCS / "errors.md"
REASONS_FILE = DOCS / "reasons.md"

_ERRORS_HEAD = """\
# Error codes

Generated from `schema/errors.py` by `make openapi`. Do not edit.

One code names one failure everywhere: it is the `code` of the API's problem documents (RFC 9457),
the type of the Temporal failure, the `problem.code` of a cast, and what the logs say.

- **Status** is the HTTP status of the answer when a request is refused with this code. A cast that
  was admitted and then failed carries the same code in its `problem`; the request that reads it
  answers 200.
- **Repeat** says whether trying again may help; *What to do* says how.
- **Charged** says what a cast costs that ends with this code: nothing, or its use by the spell's
  price. A flat price is then due whole. Nobody pays more than the hold. A cast that is cancelled
  after it started is apart: its metered use so far is due, and of a flat price nothing.
"""

_REASONS_HEAD = """\
# Reasons of the supply-chain gate

Generated from `schema/supply_chain/reasons.py` by `make openapi`. Do not edit.

The gate says everything that it found on a package, each with a code of this page. A reason
refuses, warns or notes; a package passes when none refuses. [supply-chain.md](supply-chain.md)
tells what each check looks at.
"""

_CHARGED = {Charged.NOTHING: "nothing", Charged.USAGE: "its use"}


def openapi_text() -> str:
    """The OpenAPI document of the API, in the form that is checked in."""
    document = create_app().openapi()
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def anchor_of(code: str) -> str:
    """The fragment that problem documents point to."""
    return code.lower().replace("_", "-")


def errors_text() -> str:
    """The catalogue as a page: a table of all codes, then a section for each."""
    rows = [_row(code, kind) for code, kind in catalogue().items()]
    sections = [_section(code, kind) for code, kind in catalogue().items()]
    table = ["| code | status | repeat | charged | meaning |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([_ERRORS_HEAD, *table, *rows, "", *sections]).rstrip() + "\n"


def reasons_text() -> str:
    """The gate's reasons as a page: a table of each check."""
    tables = []
    for check in Check:
        kinds = {code: kind for code, kind in REASONS.items() if kind.check is check}
        rows = [f"| `{code}` | {kind.title} | {kind.remedy} |" for code, kind in kinds.items()]
        head = ["", f"## {check.value.capitalize()}", "", "| code | what was found | what to do |"]
        tables += [*head, "| --- | --- | --- |", *rows] if rows else []
    return "\n".join([_REASONS_HEAD.rstrip(), *tables]) + "\n"


def _row(code: str, kind: ErrorKind) -> str:
    link = f"[`{code}`](#{anchor_of(code)})"
    cells = (link, kind.status, _repeat(kind), _CHARGED[kind.charged], kind.title)
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _section(code: str, kind: ErrorKind) -> str:
    return (
        f'<a id="{anchor_of(code)}"></a>\n\n'
        f"## {code}\n\n"
        f"{kind.title}\n\n"
        f"- Status: {kind.status}\n"
        f"- What to do: {kind.remedy}\n"
        f"- Repeat: {_repeat(kind)}\n"
        f"- Charged: {_CHARGED[kind.charged]}\n"
    )


def _repeat(kind: ErrorKind) -> str:
    return "yes" if kind.retryable else "no"


def main() -> None:
    """Write the files."""
    written = {
        OPENAPI_FILE: openapi_text(),
        ERRORS_FILE: errors_text(),
        REASONS_FILE: reasons_text(),
    }
    for path, text in written.items():
        path.write_text(text, "utf-8")
        sys.stdout.write(f"wrote {path.relative_to(DOCS.parent)}\n")


if __name__ == "__main__":
    main()
