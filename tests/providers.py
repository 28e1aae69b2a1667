"""A whole OpenID Connect provider on this machine, which can also be made to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

CLIENT_ID, CLIENT_SECRET = "birdwatch", "s3cret & more"


class Provider(ThreadingHTTPServer):
    """Discovery, authorize, token and keys; `claims` and `header` are laid over what is true."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = ECKey.generate_key("P-256", {"kid": "one"})
        self.published = self.key
        self.named_issuer = self.issuer
        self.subject = "subject-1"
        self.username = "wu"
        self.claims: dict[str, Any] = {}
        self.token: str | None = None
        self.codes: dict[str, dict[str, str]] = {}

    def about(self) -> dict[str, Any]:
        return {
            "issuer": self.named_issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        true = {
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT_ID, "exp": now + 300,
            "iat": now, "nonce": asked["nonce"], "preferred_username": self.username,
            "name": "Wu <b>Min</b>",
        }  # fmt: skip
        said = {name: one for name, one in {**true, **self.claims}.items() if one is not None}
        return jwt.encode({"alg": "ES256", "kid": "one"}, said, self.key)


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/.well-known/openid-configuration":
            self._json(200, self.server.about())
        elif parts.path == "/keys":
            self._json(200, dict(KeySet([self.server.published]).as_dict(private=False)))
        elif parts.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            code = secrets.token_urlsafe(8)
            self.server.codes[code] = asked
            back = urlencode({"code": code, "state": asked["state"], "iss": self.server.issuer})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._json(404, {})

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        form = {
            name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()
        }
        asked = self.server.codes.pop(form.get("code", ""), None)
        pair = urlencode({"": CLIENT_ID})[1:] + ":" + urlencode({"": CLIENT_SECRET})[1:]
        basic = "Basic " + base64.b64encode(pair.encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or self.headers["Authorization"] != basic
            or asked["code_challenge"] != challenge
            or asked["code_challenge_method"] != "S256"
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            self._json(400, {"error": "invalid_grant"})
            return
        token = self.server.token or self.server.id_token(asked)
        self._json(200, {"access_token": "a", "token_type": "Bearer", "id_token": token})

    def _json(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def providing() -> Iterator[Provider]:
    """A provider that answers until the block ends."""
    with Provider() as provider:
        thread = threading.Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield provider
        finally:
            provider.shutdown()
            thread.join()
