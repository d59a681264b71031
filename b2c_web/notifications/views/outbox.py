"""The demo's outbox: what would have been mailed, open to anybody, and only in demo mode."""

from uuid import UUID

from flask import Response, current_app

from b2c_web.access import public
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import talisman
from b2c_web.htmx import render
from b2c_web.notifications import blueprint, queries
from b2c_web.notifications.masking import masked, masked_page
from b2c_web.notifications.models import Notification
from b2c_web.notifications.views import shown


@blueprint.get("/dev/outbox")
@public
def outbox() -> Response:
    _demo_only()
    asked = shown.wanted()
    context = shown.list_context("notifications.outbox", asked, masked_page(queries.outbox(asked)))
    return render("notifications/outbox.html", "notifications/_outbox.html", **context, on_its_way=queries.on_its_way())


@blueprint.get("/dev/outbox/<uuid:notification_id>")
@public
def outbox_message(notification_id: UUID) -> Response:
    context = shown.message_context("notifications.outbox_message", _kept(notification_id))
    return render("notifications/outbox_message.html", **context)


@blueprint.get("/dev/outbox/<uuid:notification_id>/html")
@public
@talisman(content_security_policy=shown.MESSAGE_ONLY, content_security_policy_nonce_in=[])
def outbox_message_html(notification_id: UUID) -> Response:
    return shown.html_of(_kept(notification_id))


@blueprint.get("/dev/outbox/<uuid:notification_id>/attachments/<int:index>")
@public
def outbox_message_attachment(notification_id: UUID, index: int) -> Response:
    return shown.attachment_of(_kept(notification_id), index)


def _kept(notification_id: UUID) -> Notification:
    _demo_only()
    return masked(queries.kept_message(notification_id))


def _demo_only() -> None:
    if not current_app.config["DEMO_MODE"]:
        raise NotFound
