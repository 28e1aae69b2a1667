from __future__ import annotations

import pytest
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request

from birdwatch.http.negotiation import accepted_locale, choose_locale, wants_csv


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("", "zh"),
        ("en", "en"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en;q=0.2,zh;q=0.7", "zh"),
        ("fr,en;q=0.3", "en"),
        ("fr-FR", "zh"),
        ("*", "zh"),
        ("en;q=0", "zh"),
        ("en;q=nan,zh;q=0.1", "zh"),
        (",,;;q=,en;q=9", "zh"),
    ],
)
def test_accept_language_gives_the_best_of_our_languages(header: str, locale: str) -> None:
    assert accepted_locale(header) == locale


def test_locale_follows_query_then_cookie_then_header() -> None:
    headers = Headers({"cookie": "locale=en", "accept-language": "zh"})
    assert choose_locale(QueryParams("lang=zh"), headers) == "zh"
    assert choose_locale(QueryParams(""), headers) == "en"
    assert choose_locale(QueryParams("lang=fr"), Headers({"accept-language": "en"})) == "en"
    assert choose_locale(QueryParams(""), Headers({"cookie": "locale=fr"})) == "zh"


@pytest.mark.parametrize(
    ("path", "accept", "is_csv"),
    [
        ("/api/v1/counts", "*/*", False),
        ("/api/v1/counts", "text/csv", True),
        ("/api/v1/counts", "application/json, text/csv;q=0.5", False),
        ("/api/v1/counts", "text/html", False),
        ("/api/v1/counts.csv", "application/json", True),
    ],
)
def test_a_table_is_sent_to_those_who_ask_for_one(path: str, accept: str, is_csv: bool) -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"birds.test"), (b"accept", accept.encode())],
    }
    assert wants_csv(Request(scope)) is is_csv
