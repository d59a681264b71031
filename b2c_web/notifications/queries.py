"""Reading messages: what admins, the demo's outbox and a customer may see of them."""

import uuid
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Select, case, func, or_, select

from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind, NotificationStatus

PER_PAGE = 25


@dataclass(frozen=True)
class Wanted:
    """What a list was asked for; `page` counts from 1."""

    search: str = ""
    kind: NotificationKind | None = None
    status: NotificationStatus | None = None
    oldest_first: bool = False
    page: int = 1


@dataclass(frozen=True)
class Page:
    """One page of a list; `first` and `last` count from 1 over all pages."""

    rows: list[Notification]
    total: int
    number: int

    @property
    def first(self) -> int:
        return (self.number - 1) * PER_PAGE + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.rows else 0

    @property
    def has_next(self) -> bool:
        return self.last < self.total and bool(self.rows)

    @property
    def has_previous(self) -> bool:
        return self.number > 1


def belongs_to(user_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    """Messages that a customer reads in the app: written, hers, and never a login code."""
    return (
        Notification.user_id == user_id,
        Notification.kind != NotificationKind.LOGIN_CODE,
        Notification.body_text.is_not(None),
    )


def all_messages(wanted: Wanted) -> Page:
    """Every message, for admins. The search looks at recipient, subject and booking number; a login code's subject
    holds the code, which a search must not find out where codes are hidden.
    """
    return _page(_filtered(select(Notification), wanted), wanted)


def outbox(wanted: Wanted) -> Page:
    """What was kept instead of sent; the demo shows it to anybody, so nothing that truly was mailed is in it."""
    kept = select(Notification).where(Notification.status == NotificationStatus.KEPT)
    return _page(_filtered(kept, wanted), wanted)


def on_its_way() -> int:
    """How many messages are about to appear in the outbox."""
    open_states = (NotificationStatus.QUEUED, NotificationStatus.SENDING)
    return _count(select(Notification).where(Notification.status.in_(open_states)))


def messages_of(user_id: uuid.UUID, wanted: Wanted) -> Page:
    """A customer's own messages."""
    return _page(_filtered(select(Notification).where(*belongs_to(user_id)), wanted), wanted)


def unread_count(user_id: uuid.UUID) -> int:
    """How many messages this customer has not read."""
    return _count(select(Notification).where(Notification.read_at.is_(None), *belongs_to(user_id)))


def message(notification_id: uuid.UUID) -> Notification:
    """Any message, for admins. Raises NotFound."""
    return _one(select(Notification).where(Notification.id == notification_id))


def kept_message(notification_id: uuid.UUID) -> Notification:
    """A message of the outbox. Raises NotFound for one that was sent or waits."""
    kept = Notification.status == NotificationStatus.KEPT
    return _one(select(Notification).where(Notification.id == notification_id, kept))


def message_of(user_id: uuid.UUID, notification_id: uuid.UUID) -> Notification:
    """A customer's own message. Raises NotFound for anybody else's."""
    return _one(select(Notification).where(Notification.id == notification_id, *belongs_to(user_id)))


def _filtered(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.kind:
        query = query.where(Notification.kind == wanted.kind)
    if wanted.status:
        query = query.where(Notification.status == wanted.status)
    if wanted.search:
        subject = case((Notification.kind == NotificationKind.LOGIN_CODE, ""), else_=Notification.subject)
        shown = subject if current_app.config["MAIL_SERVER"] else Notification.subject
        places = (Notification.recipient, shown, Notification.context["number"].astext)
        query = query.where(or_(*(place.icontains(wanted.search, autoescape=True) for place in places)))
    return query


def _page(query: Select[Any], wanted: Wanted) -> Page:
    total = _count(query)
    number = max(1, min(wanted.page, -(-total // PER_PAGE)))
    order = (Notification.created_at, Notification.id)
    rows = db.session.execute(
        query.order_by(*(order if wanted.oldest_first else [key.desc() for key in order]))
        .limit(PER_PAGE)
        .offset((number - 1) * PER_PAGE)
    ).scalars()
    return Page(list(rows), total, number)


def _count(query: Select[Any]) -> int:
    return db.session.execute(select(func.count()).select_from(query.subquery())).scalar_one()


def _one(query: Select[Any]) -> Notification:
    row = db.session.execute(query).scalar_one_or_none()
    if row is None:
        raise NotFound
    return row
