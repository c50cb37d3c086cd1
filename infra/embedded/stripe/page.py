"""The hosted page: what is bought, a card, a button to pay and one to leave. Works without JS."""

import html

from infra.embedded.stripe.calls import Document
from infra.embedded.stripe.cards import DEFAULT

# No script runs here, whatever the names of products say.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Local Stripe</title>
<meta name="viewport" content="width=device-width"></head>
<body style="font-family: sans-serif; max-width: 30em; margin: 4em auto">
<h1>Local Stripe</h1><p>No real money moves here.</p>
{content}
</body></html>
"""
_FORM = """<ul>{names}</ul>
<p><b>{amount}</b> for {reference}</p>
{notice}<form method="post">{fields}</form>"""
_CARD = """<p><label>Card <input name="card" value="{card}" inputmode="numeric" autocomplete="off"
 maxlength="32"></label></p>
<button name="action" value="pay">Pay</button>
<button name="action" value="cancel" formnovalidate>Cancel</button>"""
_AUTHENTICATION = """<input type="hidden" name="card" value="{card}">
<p>Your bank asks whether it is you (3D Secure).</p>
<button name="action" value="authenticate">Complete</button>
<button name="action" value="fail">Fail</button>"""


def page_of_session(session: Document, notice: str = "") -> str:
    """The page of an open session, with what became of the last attempt."""
    return _page(session, notice, _CARD.format(card=DEFAULT.number))


def page_to_authenticate(session: Document, card: str) -> str:
    """The page on which a card's holder says that it is them."""
    return _page(session, "", _AUTHENTICATION.format(card=html.escape(card)))


def closed_page() -> str:
    """The page of a session that is over."""
    return _PAGE.format(content="<p>This page is closed.</p>")


def _page(session: Document, notice: str, fields: str) -> str:
    names = "".join(f"<li>{html.escape(name)}</li>" for name in session["_names"])
    amount = f"{session['amount_total']} {session['currency']} (minor units)"
    told = f'<p role="alert"><b>{html.escape(notice)}</b></p>' if notice else ""
    content = _FORM.format(
        names=names,
        amount=html.escape(amount),
        reference=html.escape(str(session["client_reference_id"])),
        notice=told,
        fields=fields,
    )
    return _PAGE.format(content=content)
