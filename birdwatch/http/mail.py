"""Mail for forgotten passwords, where the operator has named a server that takes it.

Links in a mail begin with the configured public address only: a request's Host header is a
stranger's word. Mail is sent in a thread, after the answer, so that nobody can time it.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage

import anyio.to_thread

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.http.hashing import hash_secret, make_link_secret
from birdwatch.settings import Settings
from birdwatch.storage import invitations, people
from birdwatch.storage.db import Database

log = logging.getLogger("birdwatch.http")
TIMEOUT_S = 20.0
TLS_PORT = 465
SUBJECT = Text("重设密码", "Set a new password")
BODY = Text(
    "有人（可能是您）请求为账号 {login} 重设密码。请在 24 小时内打开下面的链接，它只能使用一次：\n\n"
    "{link}\n\n如果不是您，请忽略这封邮件，密码不会改变。\n",
    "Somebody, perhaps you, asked for a new password for the account {login}. Open this link"
    " within 24 hours; it works once:\n\n{link}\n\nIf it was not you, ignore this mail; nothing"
    " changes.\n",
)


def can_mail(settings: Settings) -> bool:
    """Whether the archive knows a mail server, its own sender, and its own public address."""
    return bool(settings.smtp_host and settings.smtp_from and settings.base_url)


async def mail_reset(settings: Settings, db: Database, email: str, now: datetime) -> None:
    """Send a reset link to every open account with this address; to nobody, if there is none."""
    for person in await people.find_by_email(db, email):
        secret = make_link_secret()
        async with db.write(SYSTEM, now) as tx:
            await invitations.add_reset(tx, person.id, hash_secret(secret))
        message = EmailMessage()
        message["From"], message["To"] = settings.smtp_from, email
        message["Subject"] = SUBJECT.get(person.locale)
        link = f"{settings.base_url}/reset/{secret}"
        message.set_content(BODY.get(person.locale).format(login=person.login, link=link))
        try:
            await anyio.to_thread.run_sync(_send, settings, message)
        except (OSError, smtplib.SMTPException) as error:
            log.error("mail not sent: %s", type(error).__name__)  # noqa: TRY400 (no secrets in it)


def _send(settings: Settings, message: EmailMessage) -> None:
    tls = ssl.create_default_context()
    if settings.smtp_port == TLS_PORT:
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_S, context=tls
        )
    else:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_S)
    with server:
        server.ehlo()
        is_encrypted = settings.smtp_port == TLS_PORT
        if not is_encrypted and server.has_extn("starttls"):
            server.starttls(context=tls)
            is_encrypted = True
        if settings.smtp_user:
            if not is_encrypted:
                raise smtplib.SMTPException  # the password would travel in the clear
            server.login(settings.smtp_user, settings.smtp_password)
        server.send_message(message)
