"""Sending a message at most once, whatever is retried, run twice at the same time or killed in the middle.

QUEUED -> SENDING is claimed by a conditional update and committed before the mail server hears of it; then SENT.
Whoever finds the row in another state leaves it alone. A row left SENDING is put before a person, never sent again.
"""

import logging
import uuid
from datetime import timedelta
from email.utils import parseaddr

from flask import current_app
from flask_babel import force_locale
from sqlalchemy import select, text, update

from b2c_web import jobs
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.notifications import hooks, rules
from b2c_web.notifications.mailer import Letter, NotSent, Refused, Uncertain, mailer
from b2c_web.notifications.models import Notification, NotificationKind, NotificationStatus
from b2c_web.notifications.rendering import CannotWrite, Rendered, render

SENDING_TAKES_AT_MOST = timedelta(minutes=10)
A_JOB_COMES_WITHIN = timedelta(minutes=2)
MOST_AT_ONCE = 500

log = logging.getLogger(__name__)


def send(notification_id: uuid.UUID) -> None:
    """Send one queued message and record what became of it; one that is not queued is left alone.

    Raises NotSent when trying again is right: the row is QUEUED again by then.
    """
    letter = _take(notification_id)
    if letter is None:
        return
    courier = mailer()
    try:
        courier.deliver(letter)
    except NotSent as error:
        _put_back(notification_id, str(error))
        raise
    except Refused as error:
        _finish(notification_id, NotificationStatus.FAILED, f"{rules.REFUSED}: {error}")
    except Uncertain as error:
        _finish(notification_id, NotificationStatus.FAILED, f"{rules.UNCERTAIN}: {error}")
    else:
        _finish(notification_id, courier.outcome, None)


def _take(notification_id: uuid.UUID) -> Letter | None:
    """Claim the row and write the message. None when there is nothing to send."""
    with command_transaction():
        row = db.session.execute(
            update(Notification)
            .where(Notification.id == notification_id, Notification.status == NotificationStatus.QUEUED)
            .values(status=NotificationStatus.SENDING, attempts=Notification.attempts + 1, updated_at=now_utc())
            .returning(Notification)
            .execution_options(populate_existing=True)
        ).scalar_one_or_none()
        if row is None or _past_its_use(row):
            return None
        try:
            return _letter(row, render(row))
        except CannotWrite as error:
            _fail(row, f"{rules.UNWRITABLE}: {error}")
            return None


def _past_its_use(row: Notification) -> bool:
    """Fail a row that helps nobody any more. What is only kept is never too late."""
    minutes = current_app.config["LOGIN_CODE_MINUTES"]
    if mailer().outcome is NotificationStatus.KEPT:
        return False
    if now_utc() <= rules.of_use_until(row.kind, row.created_at, row.context, minutes):
        return False
    _fail(row, rules.TOO_LATE)
    return True


def _letter(row: Notification, rendered: Rendered) -> Letter:
    """The letter, with what our own pages show of it written to the row (flushes nothing by itself)."""
    kept = mailer().outcome is NotificationStatus.KEPT
    if kept or row.kind is not NotificationKind.LOGIN_CODE:
        row.subject, row.body_text, row.body_html = rendered.subject, rendered.text, rendered.html
    return Letter(
        message_id=message_id(row.id),
        recipient=row.recipient,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        attachments=() if kept else tuple(attachments_of(row)),
    )


def message_id(notification_id: uuid.UUID) -> str:
    """The same for every try, so that a mail server can recognise a second one."""
    domain = parseaddr(current_app.config["MAIL_SENDER"])[1].rpartition("@")[2]
    return f"<{notification_id}@{domain}>"


def attachments_of(row: Notification) -> list[hooks.Attachment]:
    """The files that go with this message, made anew in its language."""
    make = hooks.attachments.get(row.kind)
    if make is None:
        return []
    with force_locale(row.language):
        return make(row)


def _put_back(notification_id: uuid.UUID, detail: str) -> None:
    with command_transaction(patient=True):
        row = _being_sent(notification_id)
        if row is not None:
            row.status, row.error, row.updated_at = NotificationStatus.QUEUED, f"{rules.NOT_YET}: {detail}", now_utc()


def _finish(notification_id: uuid.UUID, status: NotificationStatus, error: str | None) -> None:
    with command_transaction(patient=True):
        row = _being_sent(notification_id)
        if row is None:
            log.warning("message %s was %s, but is no longer being sent", notification_id, status)
        elif error is not None:
            _fail(row, error)
        else:
            row.status, row.error = status, None
            row.sent_at = row.updated_at = now_utc()
            _forget_secrets(row)


def _being_sent(notification_id: uuid.UUID) -> Notification | None:
    wanted = Notification.id == notification_id, Notification.status == NotificationStatus.SENDING
    return db.session.execute(
        select(Notification).where(*wanted).with_for_update().execution_options(populate_existing=True)
    ).scalar_one_or_none()


def _fail(row: Notification, error: str) -> None:
    """Set FAILED and tell whoever looks after failures, in the caller's transaction."""
    row.status, row.error, row.updated_at = NotificationStatus.FAILED, error, now_utc()
    _forget_secrets(row)
    db.session.flush()
    log.error("message %s (%s) failed: %s", row.id, row.kind, error)
    hooks.gave_up(row)


def _forget_secrets(row: Notification) -> None:
    """What was only for the letter is not kept: a login code, and a link that lets whoever has it decide.

    Our own copy leads to the booking's page instead, which its customer opens signed in.
    """
    if row.status is NotificationStatus.KEPT:
        return
    if row.kind is NotificationKind.LOGIN_CODE:
        row.context = row.context | {"code": ""}
    secret, instead = row.context.get("link_path"), row.context.get("booking_url_path")
    if secret and instead:
        row.context = row.context | {"link_path": instead}
        row.body_text = row.body_text.replace(secret, instead) if row.body_text else None
        row.body_html = row.body_html.replace(secret, instead) if row.body_html else None


def give_up_on_lost() -> int:
    """Rows left SENDING by a killed worker: put before a person. Returns how many."""
    with command_transaction():
        lost = (
            db.session.execute(
                select(Notification)
                .where(
                    Notification.status == NotificationStatus.SENDING,
                    Notification.updated_at < now_utc() - SENDING_TAKES_AT_MOST,
                )
                .with_for_update(skip_locked=True)
                .limit(MOST_AT_ONCE)
            )
            .scalars()
            .all()
        )
        for row in lost:
            _fail(row, f"{rules.UNCERTAIN}: its worker went away while sending")
        return len(lost)


UNTENDED = text(
    "SELECT message.id FROM notifications message"
    " WHERE message.status = 'QUEUED' AND message.updated_at < :before AND NOT EXISTS ("
    "  SELECT 1 FROM procrastinate_jobs job WHERE job.task_name = :job AND job.status IN ('todo', 'doing')"
    "  AND job.args->>'notification_id' = message.id::text)"
    " ORDER BY message.created_at LIMIT :most"
)


def defer_untended(job: jobs.JobFunction) -> int:
    """Queued rows that no job will ever touch get a new one. Returns how many."""
    wanted = {"before": now_utc() - A_JOB_COMES_WITHIN, "most": MOST_AT_ONCE, "job": job.job_name}  # type: ignore[attr-defined]
    with command_transaction():
        untended = db.session.execute(UNTENDED, wanted).scalars().all()
        for notification_id in untended:
            jobs.defer(job, notification_id=str(notification_id))
        return len(untended)
