"""The server process: `python -m infra.embedded.github FOLDER PORT`.

The App comes in the environment: `SPELL_GITHUB_…` as the platform's own processes have it, but for
the private key, of which this process has the public half, and the address of its webhook.
"""

import os
import sys
from pathlib import Path

import uvicorn

from infra.embedded.github.app import make_app
from infra.embedded.github.state import App
from infra.embedded.ports import LOOPBACK

PUBLIC_KEY = "SPELL_LOCAL_GITHUB_APP_PUBLIC_KEY"
WEBHOOK_URL = "SPELL_LOCAL_GITHUB_WEBHOOK_URL"


def main() -> None:
    """Open the folder and serve until a signal."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    app = App(
        app_id=int(os.environ["SPELL_GITHUB_APP_ID"]),
        slug=os.environ["SPELL_GITHUB_APP_SLUG"],
        public_key=os.environ[PUBLIC_KEY],
        client_id=os.environ["SPELL_GITHUB_CLIENT_ID"],
        client_secret=os.environ["SPELL_GITHUB_CLIENT_SECRET"],
        webhook_url=os.environ.get(WEBHOOK_URL, ""),
        webhook_secret=os.environ["SPELL_GITHUB_WEBHOOK_SECRET"],
    )
    uvicorn.run(
        make_app(folder, app, f"http://{LOOPBACK}:{port}"),
        host=LOOPBACK,
        port=port,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
