"""The server process: `python -m infra.embedded.stripe FOLDER PORT`."""

import os
import sys
from pathlib import Path

import uvicorn

from infra.embedded.ports import LOOPBACK
from infra.embedded.stripe.files import KEY, STATE, WEBHOOK_SECRET, WEBHOOK_URL, url_of
from infra.embedded.stripe.server import LocalStripe, StripeOptions
from infra.embedded.stripe.store import Store


def main() -> None:
    """Open the folder, and serve until a signal."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    options = StripeOptions(
        url=url_of(port),
        key=os.environ[KEY],
        webhook_url=os.environ[WEBHOOK_URL],
        webhook_secret=os.environ[WEBHOOK_SECRET],
    )
    uvicorn.run(
        LocalStripe(Store(folder / STATE), options).app(),
        host=LOOPBACK,
        port=port,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
