"""What the customer would like done this time: changed by the customer, offered or set aside by the workshop."""

import uuid
from typing import Any

from flask import Response, flash, url_for
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.bookings.models import Booking
from b2c_web.bookings.queries import own_booking
from b2c_web.extensions import blueprint, commands, queries, rules, wishes, wishing
from b2c_web.extensions.forms import WishesForm, WordsForm
from b2c_web.extensions.refusing import WORDS
from b2c_web.extensions.rules import Refusal, WishState
from b2c_web.extensions.views import offer
from b2c_web.extensions.views.raising import keyed
from b2c_web.extensions.views.shown import car_url, frame, visible_booking
from b2c_web.forms import form_page, submitted

# why a wish is nothing to answer any more
SETTLED = {
    None: WORDS[Refusal.WISH_GONE],
    WishState.TAKEN_UP: WORDS[Refusal.WISH_TAKEN_UP],
    WishState.SET_ASIDE: WORDS[Refusal.WISH_SET_ASIDE],
    WishState.DONE: _l("Diese Arbeit ist inzwischen freigegeben."),
}


@blueprint.app_template_filter("set_aside_words")
def set_aside_words(words: str) -> str:
    """Why a wish was set aside: in the workshop's words, or in ours for what we noted ourselves."""
    return _("Es kam ein anderes Auto.") if words == wishing.OTHER_CAR else words


@blueprint.app_template_global("wishes_changeable")
def wishes_changeable(booking: Booking) -> bool:
    return rules.wish_change_refusal(booking) is None


@blueprint.route("/bookings/<uuid:booking_id>/wishes", methods=["GET", "POST"], endpoint="wishes")
@requires("extensions.own")
def change(booking_id: uuid.UUID) -> Response:
    booking, form = own_booking(current_user, booking_id), WishesForm()
    if submitted(form, lambda: commands.change_wishes(current_user, booking_id, form.wish.data or [])):
        flash(_("Ihre Wünsche sind notiert. Die Werkstatt sieht sie."), "success")
        return htmx.see_other(url_for("bookings.show", booking_id=booking_id))
    return form_page("extensions/wishes.html", form, **_choice(booking, form))


def _choice(booking: Booking, form: WishesForm) -> dict[str, Any]:
    """What can be ticked: what is open for the car, and what was wished of it before."""
    wished = wishes.of_booking(booking)
    names = {rules.name_key(one.name) for one in wished}
    offered = wishes.open_work_of(booking)
    still = [one for one in wished if one.is_open]
    if not form.is_submitted():
        form.wish.data = [one.key for one in still]
    more = [one for one in offered if rules.name_key(one.name) not in names]
    settled = [one for one in wished if not one.is_open]
    refusal = rules.wish_change_refusal(booking)
    closed = WORDS[refusal] if refusal else ""
    return {"booking": booking, "open_work": [*still, *more], "settled": settled, "closed": closed}


@blueprint.post("/workshop/bookings/<uuid:booking_id>/extensions/draft/wishes")
@requires("extensions.workshop")
def draft_wishes(booking_id: uuid.UUID) -> Response:
    """One tap: the open wishes are lines of the draft, and the form opens."""
    booking = visible_booking(booking_id)
    if refusal := rules.work_refusal(booking):
        flash(WORDS[refusal], "warning")
        return htmx.see_other(car_url(booking))
    draft = queries.draft_of(booking_id)
    content = keyed(draft.content if draft else {})
    usual = queries.usual_work_named(booking.workshop_id, booking.service)
    with force_locale(booking.user.language):  # the customer reads what the draft says
        content, left_out = offer.with_wishes(content, wishes.of_booking(booking), usual)
    commands.save_draft(current_user, booking_id, content)
    if left_out:
        flash(_no_room(left_out), "warning")
    return htmx.see_other(url_for("extensions.new", booking_id=booking_id, replaces=content.get("replaces") or None))


def _no_room(count: int) -> str:
    return ngettext(
        "Ein Angebot fasst höchstens %(most)s Punkte. %(num)s Wunsch braucht ein zweites.",
        "Ein Angebot fasst höchstens %(most)s Punkte. %(num)s Wünsche brauchen ein zweites.",
        count,
        most=rules.MOST_ITEMS,
    )


@blueprint.route("/workshop/bookings/<uuid:booking_id>/wishes/<uuid:wish_id>/dismissal", methods=["GET", "POST"])
@requires("extensions.workshop")
def wish_dismissal(booking_id: uuid.UUID, wish_id: uuid.UUID) -> Response:
    booking, form = visible_booking(booking_id), WordsForm()
    form.words.label.text = _("Was sagen Sie dem Kunden?")
    if submitted(form, lambda: commands.set_aside(current_user, booking_id, wish_id, form.words.data or "")):
        flash(_("Der Kunde liest Ihre Antwort bei seiner Buchung."), "success")
        return htmx.see_other(car_url(booking))
    wish = wishes.one_of(visible_booking(booking_id), wish_id)
    if wish is None or not wish.is_open:
        flash(SETTLED[wish.state if wish else None], "warning")
        return htmx.see_other(car_url(booking))
    return form_page("extensions/wish_dismissal.html", form, wish=wish, **frame(booking))
