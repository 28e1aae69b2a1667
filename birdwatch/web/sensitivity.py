"""`/admin/sensitivity`: how much is told of each sensitive species, and the rules that say so."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.season import SPANS
from birdwatch.domain.sensitivity import BEHAVIOURS, LEVELS, default_level, is_listed, level_of
from birdwatch.http.accounts import require, require_csrf
from birdwatch.intake.sensitivity import drop_rule, set_rule
from birdwatch.storage.sensitivity import load_rules
from birdwatch.storage.species import load_species
from birdwatch.web.forms import field_errors, typed
from birdwatch.web.reading import archive_of, now_of
from birdwatch.web.render import actor_of, page

FIELDS = ("species", "level", "half_year", "behaviour", "reason_zh", "reason_en")


async def show_rules(request: Request) -> Response:
    """The levels by default, and the rules in their place."""
    require(actor_of(request), "administer")
    return await _rules_page(request)


async def change_rules(request: Request) -> Response:
    """Set a rule, or take one away."""
    actor = actor_of(request)
    require(actor, "administer")
    form = await request.form()
    require_csrf(request, form)
    values = typed(form)
    archive, now = archive_of(request), now_of(request)
    if "remove" in form:
        await drop_rule(archive, values, actor=actor, now=now)
    else:
        try:
            await set_rule(archive, values, actor=actor, now=now)
        except InvalidInputError as error:
            return await _rules_page(request, values, error)
    return RedirectResponse("/admin/sensitivity?saved=1", 303)


async def _rules_page(
    request: Request,
    values: Mapping[str, str] | None = None,
    error: InvalidInputError | None = None,
) -> Response:
    db = archive_of(request).db
    species, rules = await load_species(db), await load_rules(db)
    ruled = {rule.species for rule in rules}
    return page(
        request,
        "admin_sensitivity.html",
        422 if error else 200,
        rules=rules,
        listed=[
            (bird, default_level(bird), level_of(bird, [r for r in rules if not r.is_conditional]))
            for bird in species
            if is_listed(bird) or bird.code in ruled
        ],
        levels=LEVELS,
        half_years=tuple(SPANS),
        behaviours=BEHAVIOURS[1:],
        values={**dict.fromkeys(FIELDS, ""), **(values or {})},
        errors=field_errors(error, request),
        error=error,
        is_saved="saved" in request.query_params,
        species=species,
    )
