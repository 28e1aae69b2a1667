"""Every setting of the program, read once from the environment into one frozen value.

A leaf: any layer but domain may import it. The table OPTIONS is what the README prints; a test
holds the two together.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from birdwatch.domain.errors import InvalidInputError

PREFIX = "BIRDWATCH_"
MIB = 1024 * 1024
MOST_DECODERS = 4  # unless more are asked for: each may take a gigabyte


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: its field in Settings, its default as written, and its use."""

    name: str
    default: str
    help: str

    @property
    def env(self) -> str:
        return PREFIX + self.name.upper()


OPTIONS: tuple[Option, ...] = (
    Option("home", "media", "Folder of the archive: originals, renditions, the SQLite file."),
    Option("host", "127.0.0.1", "Address to listen on."),
    Option("port", "8000", "Port to listen on."),
    Option("database", "", "Empty: SQLite inside the home. Or postgres://user:password@host/name."),
    Option("max_photo_bytes", str(80 * MIB), "Largest photo taken, in bytes."),
    Option("max_photo_pixels", "100000000", "Largest photo taken, in pixels."),
    Option("max_body_bytes", str(8 * MIB), "Largest request body that is not a photo, in bytes."),
    Option("free_space_reserve_bytes", str(64 * MIB), "Uploads stop when less than this is free."),
    Option("upload_days", "7", "Days that an upload which was broken off can be taken up again."),
    Option("session_days", "30", "Days until a sign-in ends."),
    Option("base_url", "", "Public address, https://birds.example; empty: taken from the request."),
    Option("trusted_hosts", "*", "Host names served, separated by commas; * for any."),
    Option(
        "trusted_proxies",
        "127.0.0.1,::1",
        "Proxies whose X-Forwarded-For and -Proto are believed, by commas.",
    ),
    Option("log_level", "info", "debug, info, warning or error."),
    Option(
        "render_children",
        "0",
        "Pictures made at the same time, each in its process; 0: one a core, at most 4.",
    ),
    Option("rate_reads", "3000", "Reads a minute of one address, person or token; 0: no limit."),
    Option("rate_writes", "600", "Writes a minute of one person; 0: no limit."),
    Option("rate_sign_ins", "10", "Wrong passwords in ten minutes for one account and address."),
    Option(
        "quota_bytes", str(20 * 1024 * MIB), "Bytes of photos a person may add in a day; 0: any."
    ),
    Option("quota_files", "5000", "Photos a person may add in a day; 0: any number."),
    Option("quota_pixels", "0", "Pixels of photos a person may add in a day; 0: any number."),
    Option("smtp_host", "", "Mail server for reset links; needs BASE_URL. Empty: no mail."),
    Option("smtp_port", "587", "Its port: 465 speaks TLS at once, others by STARTTLS."),
    Option("smtp_user", "", "Name at the mail server; empty: none is asked for."),
    Option("smtp_password", "", "Password at the mail server; sent over TLS only."),
    Option("smtp_from", "", "Sender of the mails, birds@example.org."),
    Option("oidc_issuer", "", "OpenID Connect provider, as it names itself; needs the extra oidc."),
    Option("oidc_client_id", "", "Name of this archive at the provider."),
    Option("oidc_client_secret", "", "Its secret there; empty for a public client."),
)
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one running program."""

    home: Path = Path("media")
    host: str = "127.0.0.1"
    port: int = 8000
    database: str = ""
    max_photo_bytes: int = 80 * MIB
    max_photo_pixels: int = 100_000_000
    max_body_bytes: int = 8 * MIB
    free_space_reserve_bytes: int = 64 * MIB
    upload_days: int = 7
    session_days: int = 30
    base_url: str = ""
    trusted_hosts: tuple[str, ...] = ("*",)
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    log_level: str = "info"
    render_children: int = 0
    rate_reads: int = 3000
    rate_writes: int = 600
    rate_sign_ins: int = 10
    quota_bytes: int = 20 * 1024 * MIB
    quota_files: int = 5000
    quota_pixels: int = 0
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_from: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """The settings in this environment. Raises InvalidInputError that names the variable."""
        given = {option.name: _given(option, environ) for option in OPTIONS}
        return cls(
            home=Path(given["home"]).expanduser(),
            host=given["host"],
            port=_whole(given, "port", 0, 65535),
            database=given["database"],
            max_photo_bytes=_whole(given, "max_photo_bytes", 1),
            max_photo_pixels=_whole(given, "max_photo_pixels", 1),
            max_body_bytes=_whole(given, "max_body_bytes", 1),
            free_space_reserve_bytes=_whole(given, "free_space_reserve_bytes", 0),
            upload_days=_whole(given, "upload_days", 1, 365),
            session_days=_whole(given, "session_days", 1, 3650),
            base_url=given["base_url"].rstrip("/"),
            trusted_hosts=_names(given["trusted_hosts"]),
            trusted_proxies=_names(given["trusted_proxies"]),
            log_level=_one_of(given, "log_level", LOG_LEVELS),
            render_children=_whole(given, "render_children", 0, 64),
            rate_reads=_whole(given, "rate_reads", 0),
            rate_writes=_whole(given, "rate_writes", 0),
            rate_sign_ins=_whole(given, "rate_sign_ins", 1),
            quota_bytes=_whole(given, "quota_bytes", 0),
            quota_files=_whole(given, "quota_files", 0),
            quota_pixels=_whole(given, "quota_pixels", 0),
            smtp_host=given["smtp_host"],
            smtp_port=_whole(given, "smtp_port", 1, 65535),
            smtp_user=given["smtp_user"],
            smtp_password=given["smtp_password"],
            smtp_from=given["smtp_from"],
            oidc_issuer=given["oidc_issuer"],
            oidc_client_id=given["oidc_client_id"],
            oidc_client_secret=given["oidc_client_secret"],
        )

    @property
    def database_url(self) -> str:
        """Where the rows are: as set, or an SQLite file inside the home."""
        return self.database or f"sqlite://{self.home / 'birdwatch.db'}"

    @property
    def decoders(self) -> int:
        """How many pictures are made at the same time: as set, or as many as there are cores."""
        return self.render_children or min(cores(), MOST_DECODERS)


def cores() -> int:
    """Those that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _given(option: Option, environ: Mapping[str, str]) -> str:
    return environ.get(option.env, "").strip() or option.default


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _whole(given: Mapping[str, str], name: str, least: int, most: int | None = None) -> int:
    text = given[name]
    try:
        value = int(text.replace("_", ""))
    except ValueError:
        raise _bad(name, text, "一个整数", "a whole number") from None
    if value < least or (most is not None and value > most):
        zh, en = (
            (f"不小于 {least}", f"at least {least}")
            if most is None
            else (f"{least} 到 {most}", f"from {least} to {most}")
        )
        raise _bad(name, text, zh, en)
    return value


def _one_of(given: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = given[name].lower()
    if value not in allowed:
        names = ", ".join(allowed)
        raise _bad(name, given[name], f"其中之一：{names}", f"one of {names}")
    return value


def _bad(name: str, text: str, zh: str, en: str) -> InvalidInputError:
    variable = PREFIX + name.upper()
    return InvalidInputError(
        "settings.invalid",
        zh=f"环境变量 {variable} 的值“{text}”无效，应为{zh}。",
        en=f"The environment variable {variable} is {text!r}; it must be {en}.",
    )
