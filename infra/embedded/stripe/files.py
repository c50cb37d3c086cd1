"""Names that the server and whoever starts it agree on."""

from infra.embedded.ports import LOOPBACK

STATE = "stripe.sqlite"
KEY = "LOCAL_STRIPE_KEY"
WEBHOOK_URL = "LOCAL_STRIPE_WEBHOOK_URL"
WEBHOOK_SECRET = "LOCAL_STRIPE_WEBHOOK_SECRET"  # noqa: S105  (the name of a variable)


def url_of(port: int) -> str:
    """Where the server is."""
    return f"http://{LOOPBACK}:{port}"
