"""What every answer carries so that browsers keep to it, and what no request may look like.

The policy of pages has no `unsafe-inline` and no nonce: a page kept whole for the next reader would
hand on its nonce. A page with a style of its own names the hash of that style.
"""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request

from birdwatch.domain.errors import BirdwatchError, MalformedError
from birdwatch.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024
MAX_HEADER_VALUE_BYTES = 8 * 1024
MAX_QUERY_PAIRS = 100
HEALTH_PATHS = ("/healthz", "/readyz")  # asked by whatever address the container has
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9_.-]*))(?::[0-9]{1,5})?")


class HeadersTooLargeError(BirdwatchError):
    """More headers, or larger ones, than any reader sends (431)."""


def page_policy(style_hash: str = "") -> str:
    """The Content-Security-Policy of a page; `style_hash` allows the one style it holds."""
    styles = f"'self' '{style_hash}'" if style_hash else "'self'"
    return (
        f"default-src 'self'; script-src 'self'; style-src {styles};"
        " img-src 'self' data: blob:; object-src 'none'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    )


def hash_of_style(style: str) -> str:
    """How a policy names the text of a style element."""
    digest = hashlib.sha256(style.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


PAGE_HEADERS = {
    "Content-Security-Policy": page_policy(),
    "X-Content-Type-Options": "nosniff",
    # same-origin and not no-referrer: with that browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Pages are not for others to embed; pictures are, and their route says so itself.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(self)",
}
DATA_HEADERS = {  # what is no page needs nothing, and must not be taken for one
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
HSTS = "max-age=31536000"  # one host: what else its domain serves is not ours to decide


def check_request(request: Request) -> None:
    """Raise MalformedError or HeadersTooLargeError for what no honest reader sends."""
    headers, query = request.headers, request.scope.get("query_string", b"")
    _check_headers(headers)
    if "\x00" in request.scope["path"] or b"%00" in query or b"\x00" in query:
        raise MalformedError(
            "url.nul",
            zh="地址中含有 NUL 字符，无法处理。",
            en="The address holds a NUL character and cannot be used.",
        )
    if query.count(b"&") >= MAX_QUERY_PAIRS:
        raise MalformedError(
            "url.pairs",
            zh=f"地址中的参数超过 {MAX_QUERY_PAIRS} 个。请减少参数。",
            en=f"The address has more than {MAX_QUERY_PAIRS} parameters. Use fewer.",
        )
    if request.scope["path"] not in HEALTH_PATHS:
        _check_host(headers, request.app.state.archive.settings)


def _check_headers(headers: Headers) -> None:
    sizes = [(len(name) + len(value), name) for name, value in headers.raw]
    largest, name = max(sizes, default=(0, b""))
    if largest > MAX_HEADER_VALUE_BYTES:
        shown = name.decode("latin-1")[:40]
        raise HeadersTooLargeError(
            "headers.too_large",
            zh=f"请求头 {shown} 超过 {MAX_HEADER_VALUE_BYTES // 1024} KB。请缩短后重试，"
            "或清除本站的 Cookie。",
            en=f"The header {shown} is larger than {MAX_HEADER_VALUE_BYTES // 1024} KB."
            " Shorten it, or clear the cookies of this site.",
        )
    if len(sizes) > MAX_HEADERS or sum(size for size, _ in sizes) > MAX_HEADER_BYTES:
        raise HeadersTooLargeError(
            "headers.too_many",
            zh=f"请求头过多：最多 {MAX_HEADERS} 个，共 {MAX_HEADER_BYTES // 1024} KB。",
            en=f"There are too many headers: at most {MAX_HEADERS} are taken,"
            f" {MAX_HEADER_BYTES // 1024} KB together.",
        )


def _check_host(headers: Headers, settings: Settings) -> None:
    """One Host, well formed, and one that is served here.

    The server has taken an absolute-form target apart by now and kept its path alone; what it named
    as host is not used anywhere, so that only this header counts.
    """
    given = headers.getlist("host")
    found = HOST.fullmatch(given[0].lower()) if given else None
    if len(given) > 1 or (given and found is None):
        raise MalformedError(
            "host.malformed",
            zh="Host 请求头无法读取。请只发送一个主机名，可带端口。",
            en="The Host header cannot be read. Send one host name, with a port or without.",
        )
    if "*" in settings.trusted_hosts:
        return
    served = {_bare(name) for name in settings.trusted_hosts}
    served.add(_bare(urlsplit(settings.base_url).netloc))
    if found is None or found[1].strip("[]").rstrip(".") not in served - {""}:
        raise MalformedError(
            "host.unknown",
            zh="本站不使用这个主机名。请使用正式地址访问。",
            en="This host name is not served here. Use the public address.",
        )


def _bare(host: str) -> str:
    """A host name without port and brackets, whichever way the setting was written."""
    found = HOST.fullmatch(host.lower())
    return found[1].strip("[]") if found else host.lower().strip("[]")
