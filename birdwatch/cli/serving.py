"""`birdwatch serve`: pages, API and worker in one process."""

from __future__ import annotations

import typer
import uvicorn

from birdwatch.app import create_app
from birdwatch.cli.bounded_http import BoundedHttp
from birdwatch.cli.demo import accounts_of
from birdwatch.cli.speech import FAILED, complain, out, say
from birdwatch.domain.errors import BirdwatchError
from birdwatch.settings import Settings

SHUTDOWN_S = 20


def serve() -> None:
    """Serve the archive on BIRDWATCH_HOST and BIRDWATCH_PORT."""
    try:
        settings = Settings.from_env()
        app = create_app(settings)
    except BirdwatchError as error:
        complain(error)
        raise typer.Exit(FAILED) from None
    greet(settings)
    uvicorn.run(
        app,
        http=BoundedHttp,
        host=settings.host,
        port=settings.port,
        forwarded_allow_ips=list(settings.trusted_proxies),
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


def greet(settings: Settings) -> None:
    """Where the archive is to be found, and the demonstration's accounts if it has any."""
    address = settings.base_url or f"http://{_host(settings.host)}:{settings.port}"
    say(f"鸟浪档案：{address}", f"The archive is at {address}")
    for line in accounts_of(settings):
        out.print(line, markup=False)


def _host(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104  shown to a person, who cannot visit it
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
