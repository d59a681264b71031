"""A customer's own messages. Reading one changes nothing until she says so."""

from uuid import UUID

from flask import Response, url_for
from flask_login import current_user

from b2c_web.access import requires
from b2c_web.htmx import render, see_other
from b2c_web.notifications import blueprint, commands, queries, words
from b2c_web.notifications.models import TO_STAFF, NotificationKind
from b2c_web.notifications.views import shown


@blueprint.get("/account/messages")
@requires("account.own")
def mine() -> Response:
    asked = shown.wanted()
    page = queries.messages_of(current_user.id, asked)
    context = shown.list_context("notifications.mine", asked, page)
    context["item_endpoint"] = "notifications.my_message"
    never_hers = {NotificationKind.LOGIN_CODE, *TO_STAFF}
    context["kinds"] = {kind: word for kind, word in words.KINDS.items() if kind not in never_hers}
    unread = queries.unread_count(current_user.id)
    return render("notifications/mine.html", "notifications/_mine.html", **context, unread=unread)


@blueprint.get("/account/messages/<uuid:notification_id>")
@requires("account.own")
def my_message(notification_id: UUID) -> Response:
    row = queries.message_of(current_user.id, notification_id)
    return render("notifications/my_message.html", message=row, kind_word=words.KINDS[row.kind])


@blueprint.post("/account/messages/<uuid:notification_id>/reading")
@requires("account.own")
def read(notification_id: UUID) -> Response:
    commands.mark_read(current_user.id, notification_id)
    return see_other(url_for("notifications.mine"))


@blueprint.post("/account/messages/reading")
@requires("account.own")
def read_all() -> Response:
    commands.mark_all_read(current_user.id)
    return see_other(url_for("notifications.mine"))
