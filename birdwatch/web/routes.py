"""Every page of the archive, in one table."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from birdwatch.web import (
    account,
    changes,
    clocks,
    gallery,
    home,
    jobs,
    joining,
    outside,
    passkeys,
    people,
    photos,
    profile,
    quarantine,
    review,
    seasons,
    sensitivity,
    sites,
    species,
    surveys,
    upload,
)

STATIC_FOLDER = Path(__file__).parent / "static"

TABLE: list[BaseRoute] = [
    Route("/", home.show_home),
    Route("/gallery", gallery.show_gallery),
    Route("/photos/{id}", photos.show_photo),
    Route("/photos/{id}", photos.correct, methods=["POST"]),
    Route("/photos/{id}/withdraw", photos.withdraw, methods=["POST"]),
    Route("/photos/{id}/undo", photos.undo, methods=["POST"]),
    Route("/seasons", seasons.list_seasons),
    Route("/seasons/{id}", seasons.show_season),
    Route("/days/{day}", seasons.show_day),
    Route("/species", species.list_species),
    Route("/species/{code}", species.show_species),
    Route("/sites", sites.list_sites),
    Route("/sites/{id}", sites.show_site),
    Route("/surveys", surveys.list_surveys),
    Route("/surveys/new", surveys.new_survey),
    Route("/surveys/new", surveys.create_survey, methods=["POST"]),
    Route("/surveys/{id}", surveys.show_survey),
    Route("/surveys/{id}/history", changes.show_survey_history),
    Route("/photos/{id}/history", changes.show_photo_history),
    Route("/changes/{version}/undo", changes.undo, methods=["POST"]),
    Route("/surveys/{id}/edit", surveys.show_edit),
    Route("/surveys/{id}/edit", surveys.save_edit, methods=["POST"]),
    Route("/surveys/{id}/withdraw", surveys.withdraw, methods=["POST"]),
    Route("/review", review.show_queue),
    Route("/review", review.take_decisions, methods=["POST"]),
    Route("/review/answer", review.take_answer, methods=["POST"]),
    Route("/photos/{id}/identifications", review.take_proposal, methods=["POST"]),
    Route("/identifications/{id}", review.settle_proposal, methods=["POST"]),
    Route("/upload", upload.show_upload),
    Route("/upload", upload.take_upload, methods=["POST"]),
    Route("/sign-in", account.show_sign_in),
    Route("/sign-in", account.do_sign_in, methods=["POST"]),
    Route("/sign-out", account.do_sign_out, methods=["POST"]),
    Route("/account", account.show_account),
    Route("/account/tokens", account.make_token, methods=["POST"]),
    Route("/account/tokens/{id}/revoke", account.revoke_token, methods=["POST"]),
    Route("/account/profile", profile.show_profile),
    Route("/account/profile", profile.save_profile, methods=["POST"]),
    Route("/account/password", profile.change_password, methods=["POST"]),
    Route("/account/passkeys/options", passkeys.begin, methods=["POST"]),
    Route("/account/passkeys", passkeys.add, methods=["POST"]),
    Route("/account/passkeys/{id}/remove", passkeys.remove, methods=["POST"]),
    Route("/sign-in/oidc", outside.leave),
    Route("/sign-in/oidc/callback", outside.come_back),
    Route("/sign-in/passkey/options", passkeys.ask, methods=["POST"]),
    Route("/sign-in/passkey", passkeys.sign_in, methods=["POST"]),
    Route("/account/clocks", clocks.show_clocks),
    Route("/account/clocks/mark", clocks.show_mark),
    Route("/account/clocks/mark", clocks.mark, methods=["POST"]),
    Route("/account/times", clocks.show_times),
    Route("/account/times", clocks.shift, methods=["POST"]),
    Route("/account/adjustments/{id}/undo", clocks.undo, methods=["POST"]),
    Route("/account/sessions/end", profile.end_other_sessions, methods=["POST"]),
    Route("/account/sessions/{id}/end", profile.end_session, methods=["POST"]),
    Route("/invitations/{token}", joining.show_invitation),
    Route("/invitations/{token}", joining.take_invitation, methods=["POST"]),
    Route("/register", joining.show_register),
    Route("/register", joining.take_register, methods=["POST"]),
    Route("/reset", joining.show_forgotten),
    Route("/reset", joining.take_forgotten, methods=["POST"]),
    Route("/reset/{token}", joining.show_reset),
    Route("/reset/{token}", joining.take_reset, methods=["POST"]),
    Route("/admin/sensitivity", sensitivity.show_rules),
    Route("/admin/sensitivity", sensitivity.change_rules, methods=["POST"]),
    Route("/admin/people", people.show_people),
    Route("/admin/people/{id}", people.show_person),
    Route("/admin/people/{id}", people.change_person, methods=["POST"]),
    Route("/admin/people/{id}/reset", people.make_reset, methods=["POST"]),
    Route("/admin/people/{id}/grants", people.give_grant, methods=["POST"]),
    Route("/admin/people/{id}/grants/{grant}/end", people.revoke_grant, methods=["POST"]),
    Route("/admin/invitations", people.invite, methods=["POST"]),
    Route("/admin/invitations/{id}/end", people.withdraw_invitation, methods=["POST"]),
    Route("/admin/registration", people.switch_registration, methods=["POST"]),
    Route("/account/quarantine", quarantine.show_own),
    Route("/account/quarantine/{id}/retry", quarantine.retry, methods=["POST"]),
    Route("/account/quarantine/{id}/discard", quarantine.discard, methods=["POST"]),
    Route("/admin/quarantine", quarantine.show_all),
    Route("/admin/quarantine/{id}/retry", quarantine.retry, methods=["POST"]),
    Route("/admin/quarantine/{id}/discard", quarantine.discard, methods=["POST"]),
    Route("/admin/jobs", jobs.show_jobs),
    Route("/admin/jobs/revive", jobs.revive_dead, methods=["POST"]),
    Route("/admin/jobs/{id}/revive", jobs.revive_one, methods=["POST"]),
    Route("/language", account.choose_language, methods=["POST"]),
    Mount("/static", StaticFiles(directory=STATIC_FOLDER)),
]


def _with_queue(route: BaseRoute) -> BaseRoute:
    """The same page, which tells reviewers in its navigation how many records wait."""
    if not isinstance(route, Route):
        return route
    return Route(route.path, review.with_waiting(route.endpoint), methods=[*(route.methods or ())])


routes: list[BaseRoute] = [_with_queue(route) for route in TABLE]
