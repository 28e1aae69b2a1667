"""The composition root: one archive, one worker, three surfaces, one application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware

from birdwatch.api.routes import routes as api_routes
from birdwatch.delivery.routes import routes as delivery_routes
from birdwatch.http.caching import AnswerCache, archive_key
from birdwatch.http.errors import HANDLERS
from birdwatch.http.health import routes as health_routes
from birdwatch.http.idempotency import Idempotency
from birdwatch.http.limits import Attempts
from birdwatch.http.middleware import RequestContext
from birdwatch.http.rates import Rates
from birdwatch.http.seen import Seen
from birdwatch.intake.archive import open_archive
from birdwatch.settings import Settings
from birdwatch.web.errors import render_error
from birdwatch.web.routes import routes as web_routes
from birdwatch.worker.loop import run_worker


def create_app(settings: Settings) -> Starlette:
    """The application of these settings. Its lifespan opens the archive and runs the worker."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_archive(settings) as archive:
            app.state.archive = archive
            with archive.db.activate():
                app.state.archive_key = await archive_key(archive.db)
                app.state.sign_in_attempts = Attempts(archive.db, settings.rate_sign_ins)
                async with anyio.create_task_group() as tasks:
                    stop = anyio.Event()
                    tasks.start_soon(partial(run_worker, archive, stop=stop))
                    tasks.start_soon(app.state.seen.run, archive.db, stop)
                    tasks.start_soon(app.state.rates.run, archive.db, stop)
                    yield
                    stop.set()

    app = Starlette(
        routes=[*health_routes, *api_routes, *delivery_routes, *web_routes],
        middleware=[
            Middleware(AnswerCache),
            Middleware(RequestContext),
            Middleware(Idempotency),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    app.state.render_error = render_error
    app.state.rates = Rates(settings)
    app.state.seen = Seen()
    return app
