"""Mail leaves here: through Flask-Mailman to a mail server, or nowhere when none is configured."""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email import encoders
from email.header import Header
from email.mime.base import MIMEBase
from typing import Any, Protocol

from flask import current_app
from flask_mailman import EmailMultiAlternatives
from flask_mailman.backends.smtp import EmailBackend

from b2c_web.flask_extensions import mail
from b2c_web.notifications.hooks import Attachment
from b2c_web.notifications.models import NotificationStatus

TIMEOUT_SECONDS = 30


class NotSent(Exception):
    """It was certainly not sent; another try may help."""


class Refused(Exception):
    """The server refuses this message for good."""


class Uncertain(Exception):
    """The connection broke after the text went out: nobody knows whether it was accepted."""


@dataclass(frozen=True)
class Letter:
    """One mail to one address. `message_id` stays the same however often it is tried."""

    message_id: str
    recipient: str
    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()


class Mailer(Protocol):
    """`outcome` is what a message is once `deliver` came back."""

    outcome: NotificationStatus

    def deliver(self, letter: Letter) -> None:
        """Hand the letter over, once. Raises NotSent, Refused or Uncertain; never calls twice."""


class KeepingMailer:
    """No mail server: messages stay in the database, where admins (and the demo's outbox) show them."""

    outcome = NotificationStatus.KEPT

    def deliver(self, letter: Letter) -> None:
        return None


class SmtpMailer:
    """Hands letters to MAIL_SERVER."""

    outcome = NotificationStatus.SENT

    def deliver(self, letter: Letter) -> None:
        connection = _connection()
        try:
            _open(connection)
            _hand_over(letter, connection)
        finally:
            with suppress(OSError):  # whatever happens after the server's last word changes nothing
                connection.close()


def _open(connection: Any) -> None:
    """Reach the server and log in. Everything that fails here is the way, never the message."""
    try:
        connection.open()
    except OSError as error:  # smtplib's errors are OSErrors, a refused login among them
        raise NotSent(_shown(error)) from error


def _hand_over(letter: Letter, connection: Any) -> None:
    try:
        connection.send_messages([_message(letter, connection)])
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        raise _by_code(code, _decoded(text)) from error
    except smtplib.SMTPResponseException as error:
        raise _by_code(error.smtp_code, _decoded(error.smtp_error)) from error
    except OSError as error:
        raise (Uncertain if connection.text_went_out else NotSent)(_shown(error)) from error
    except ValueError as error:  # a header or an address that cannot be one
        raise Refused(_shown(error)) from error


def mailer() -> Mailer:
    """The mailer that the configuration asks for."""
    return SmtpMailer() if current_app.config["MAIL_SERVER"] else KeepingMailer()


class _Smtp(smtplib.SMTP):
    """Remembers whether a text was begun, and looks at the server's certificate."""

    text_went_out = False

    def data(self, msg: Any) -> Any:
        self.text_went_out = True
        return super().data(msg)

    def starttls(self, *_given: Any, **_options: Any) -> Any:
        return super().starttls(context=ssl.create_default_context())


class _Backend(EmailBackend):
    connection_class = _Smtp

    @property
    def text_went_out(self) -> bool:
        return self.connection is not None and self.connection.text_went_out


def _connection() -> Any:
    config = current_app.config
    return mail.get_connection(
        backend=_Backend,
        host=config["MAIL_SERVER"],
        port=config["MAIL_PORT"],
        username=config["MAIL_USERNAME"],
        password=config["MAIL_PASSWORD"],
        use_tls=config["MAIL_USE_TLS"],
        timeout=TIMEOUT_SECONDS,
    )


class _Message(EmailMultiAlternatives):
    """Its subject is folded as the first header line allows; Flask-Mailman's fold begins with a blank line."""

    def message(self) -> Any:
        whole = super().message()  # refuses line breaks in any header
        whole.replace_header("Subject", Header(self.subject, "utf-8", header_name="Subject").encode())
        return whole


def _message(letter: Letter, connection: Any) -> _Message:
    message = _Message(
        subject=letter.subject,
        body=letter.text,
        from_email=current_app.config["MAIL_SENDER"],
        to=[letter.recipient],
        reply_to=[current_app.config["OPERATOR_EMAIL"]],
        headers={"Message-ID": letter.message_id, "Auto-Submitted": "auto-generated"},
        attachments=[_part(attachment) for attachment in letter.attachments],
        connection=connection,
    )
    message.attach_alternative(letter.html, "text/html")
    return message


def _part(attachment: Attachment) -> MIMEBase:
    part = MIMEBase("application", "octet-stream")
    part.replace_header("Content-Type", attachment.content_type)
    part.set_payload(attachment.content)
    encoders.encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename=attachment.filename)
    return part


def _by_code(code: int, text: str) -> NotSent | Refused:
    """4xx: the server asks to try again later. Anything else is its last word."""
    return (NotSent if 400 <= code < 500 else Refused)(f"{code} {text}")


def _decoded(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _shown(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
