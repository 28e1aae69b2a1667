"""Every page of the archive, in one table."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from birdwatch.web import account, gallery, home, photos, seasons, sites, species, surveys, upload

STATIC_FOLDER = Path(__file__).parent / "static"

routes: list[BaseRoute] = [
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
    Route("/upload", upload.show_upload),
    Route("/upload", upload.take_upload, methods=["POST"]),
    Route("/sign-in", account.show_sign_in),
    Route("/sign-in", account.do_sign_in, methods=["POST"]),
    Route("/sign-out", account.do_sign_out, methods=["POST"]),
    Route("/account", account.show_account),
    Route("/account/tokens", account.make_token, methods=["POST"]),
    Route("/account/tokens/{id}/revoke", account.revoke_token, methods=["POST"]),
    Route("/language", account.choose_language, methods=["POST"]),
    Mount("/static", StaticFiles(directory=STATIC_FOLDER)),
]
