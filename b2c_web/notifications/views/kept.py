"""All messages, for admins."""

from uuid import UUID

from flask import Response, flash, url_for
from flask_babel import gettext as _

from b2c_web.access import requires
from b2c_web.flask_extensions import talisman
from b2c_web.htmx import render, see_other
from b2c_web.notifications import blueprint, commands, queries
from b2c_web.notifications.masking import masked, masked_page
from b2c_web.notifications.rules import why_not_again
from b2c_web.notifications.views import shown


@blueprint.get("/admin/messages")
@requires("messages.kept")
def kept() -> Response:
    asked = shown.wanted()
    context = shown.list_context("notifications.kept", asked, masked_page(queries.all_messages(asked)))
    return render("notifications/kept.html", "notifications/_list.html", **context)


@blueprint.get("/admin/messages/<uuid:notification_id>")
@requires("messages.kept")
def kept_message(notification_id: UUID) -> Response:
    row = masked(queries.message(notification_id))
    context = shown.message_context("notifications.kept_message", row)
    again = why_not_again(row.kind, row.status) is None
    return render("notifications/kept_message.html", **context, may_send_again=again)


@blueprint.get("/admin/messages/<uuid:notification_id>/html")
@requires("messages.kept")
@talisman(content_security_policy=shown.MESSAGE_ONLY, content_security_policy_nonce_in=[])
def kept_message_html(notification_id: UUID) -> Response:
    return shown.html_of(masked(queries.message(notification_id)))


@blueprint.get("/admin/messages/<uuid:notification_id>/attachments/<int:index>")
@requires("messages.kept")
def kept_message_attachment(notification_id: UUID, index: int) -> Response:
    return shown.attachment_of(masked(queries.message(notification_id)), index)


@blueprint.post("/admin/messages/<uuid:notification_id>/sending")
@requires("messages.kept")
def send_again(notification_id: UUID) -> Response:
    commands.send_again(notification_id)
    flash(_("Die Nachricht geht noch einmal hinaus."), "success")
    return see_other(url_for("notifications.kept_message", notification_id=notification_id))
