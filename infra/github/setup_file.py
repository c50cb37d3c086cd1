"""The file that the first pull request of a bought copy adds."""

from schema.contracts.purchases import PurchaseOrder

BRANCH = "spell/set-up"
FILE = "SPELL.md"
TITLE = "Set up the spell that you bought"


def setup_text(order: PurchaseOrder) -> str:
    """What was bought, under which licence, and what to do next, in Markdown."""
    offer, request = order.offer, order.request
    return "\n".join(
        [
            f"# {request.spell_key} {offer.version}",
            "",
            f"- Licence: {offer.license_url}",
            f"- Package: `{offer.package_digest}`",
            f"- Template: {offer.template_repo}",
            f"- Purchase: `{request.purchase_id}`",
            "",
            "This repository is yours. It does not follow the template any more.",
            "",
            "1. Read the licence, and merge this pull request to keep it with the code.",
            "2. Set the secrets and variables that the template's README asks for.",
            f"3. Keep the receipt: `spell purchases show {request.purchase_id}`.",
            "",
        ]
    )
