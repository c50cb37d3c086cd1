"""`python -m status_page`: look at all sites, and write `docs/history.json` and `docs/index.html`."""

import json
import sys
import time
from pathlib import Path

from status_page.checking import check
from status_page.page import page

SITES_MAX = 50
LOOKS_MAX = 672
"""Of each site: a week, four in an hour."""


def main(folder=Path()):
    """Run in the folder of `sites.json`."""
    sites = json.loads((folder / "sites.json").read_text("utf-8"))
    if len(sites) > SITES_MAX:
        sys.exit(f"sites.json has more than {SITES_MAX} sites")
    docs = folder / "docs"
    docs.mkdir(exist_ok=True)
    kept = docs / "history.json"
    before = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    history = {
        site["url"]: [*before.get(site["url"], []), check(site)][-LOOKS_MAX:] for site in sites
    }
    kept.write_text(json.dumps(history, indent=1) + "\n", "utf-8")
    (docs / "index.html").write_text(page(sites, history, time.time()), "utf-8")


if __name__ == "__main__":
    main()
