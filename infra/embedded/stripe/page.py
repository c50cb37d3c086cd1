"""The hosted page: what is bought, a button to pay and one to leave."""

import html

from infra.embedded.stripe.store import Document

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Local Stripe</title>
<body style="font-family: sans-serif; max-width: 30em; margin: 4em auto">
<h1>Local Stripe</h1><p>No real money moves here.</p><p><b>{amount}</b> for {reference}</p>
<form method="post"><button name="action" value="pay">Pay</button>
<button name="action" value="cancel">Cancel</button></form></body></html>"""


def page_for(session: Document) -> str:
    """The page of an open session."""
    amount = f"{session['amount_total']} {session['currency']} (minor units)"
    reference = html.escape(str(session["client_reference_id"]))
    return _PAGE.format(amount=html.escape(amount), reference=reference)
