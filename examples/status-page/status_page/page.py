"""The page: one table, no script, nothing from elsewhere."""

import html
from datetime import datetime, timezone

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }} td, th {{ padding: .4rem; text-align: left }}
tr {{ border-bottom: 1px solid #ccc }} .up {{ color: #176d2b }} .down {{ color: #a11 }}
</style></head><body><h1>{title}</h1><table>
<tr><th>Site</th><th>Now</th><th>Answers in</th><th>Up</th></tr>
{rows}</table><p>Looked at {when} UTC.</p></body></html>
"""
_ROW = (
    '<tr><td><a href="{url}" rel="nofollow">{name}</a></td><td class="{state}">{state} ({seen})</td>'
    "<td>{ms} ms</td><td>{share}</td></tr>\n"
)


def page(sites, history, when):
    """The HTML of what was seen; a site that was never looked at has no row."""
    rows = [_row(site, history[site["url"]]) for site in sites if history.get(site["url"])]
    last = [looks[-1]["up"] for looks in (history.get(site["url"]) for site in sites) if looks]
    title = "All sites answer" if last and all(last) else "Some sites do not answer"
    moment = datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%d %H:%M")
    return _PAGE.format(title=title, rows="".join(rows), when=moment)


def _row(site, looks):
    last = looks[-1]
    share = 100 * sum(look["up"] for look in looks) / len(looks)
    return _ROW.format(
        url=html.escape(site["url"], quote=True),
        name=html.escape(site["name"]),
        state="up" if last["up"] else "down",
        seen=html.escape(str(last["seen"])),
        ms=last["ms"],
        share=f"{share:.1f} % of {len(looks)}",
    )
