"""The workshop writes an offer: a draft that saves itself, a sum that the server adds up, and the button that sends."""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms.fields.choices import SelectChoice

from b2c_web import formatting, htmx
from b2c_web.access import requires
from b2c_web.bookings.models import Booking
from b2c_web.bookings.places import instant
from b2c_web.bookings.returning import may_choose_return, return_options
from b2c_web.catalog.texts import TEXTS
from b2c_web.errors import Busy, Conflict, Invalid, NotFound
from b2c_web.extensions import blueprint, commands, queries, rules, wishes
from b2c_web.extensions.forms import OfferForm, ids_of
from b2c_web.extensions.models import Extension, ExtensionStatus, WorkItem
from b2c_web.extensions.refusing import WORDS
from b2c_web.extensions.views import offer
from b2c_web.extensions.views.shown import frame, visible_booking
from b2c_web.flask_extensions import db
from b2c_web.formatting import day_window
from b2c_web.forms import form_page, submitted
from b2c_web.media import sent
from b2c_web.media.models import MediaFile, MediaPurpose
from b2c_web.media.queries import files

APPROVE = "approve_cents"  # the button that raises and approves within the limit, and the sum that it names
WITH_FILES = ("extensions.new", "extensions.draft")
OVER = _l(
    "Dieser Entwurf ist schon gesendet oder verworfen. Was hier steht, ist nicht gespeichert und gehört zu einem neuen."
)


@blueprint.url_value_preprocessor
def allow_large_files(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Before anything reads the body: without script the photos come with the form."""
    if endpoint in WITH_FILES and values and request.method == "POST" and current_user.is_authenticated:
        sent.allow_large(current_user, MediaPurpose.BOOKING, values["booking_id"])


@blueprint.route("/workshop/bookings/<uuid:booking_id>/extensions/new", methods=["GET", "POST"])
@requires("extensions.workshop")
def new(booking_id: uuid.UUID) -> Response:
    booking = visible_booking(booking_id)
    draft = queries.draft_of(booking.id)
    replaced = _replaced(booking, draft.content if draft else {})
    form = _form(booking, _start(booking, draft.content if draft else None, replaced, _withdrawn(booking)))
    if form.is_submitted():
        _take_files(booking_id, form)
        form.drop_blank_lines()
    there = {one.id for one in queries.of_booking(booking_id)} if form.is_submitted() else set()
    raised: list[tuple[uuid.UUID, commands.HoldWish | None]] = []
    if submitted(form, lambda: raised.append(_raise(booking_id, form, replaced))):
        if raised[0][0] in there and raised[0][1] is None:
            flash(_("Dieses Angebot gab es schon. Was Sie jetzt gesendet haben, ändert nichts daran."), "warning")
        return _go_on(*raised[0])
    return _shown(booking_id, form, replaced)


def _shown(booking_id: uuid.UUID, form: OfferForm, replaced: Extension | None) -> Response:
    booking, draft = visible_booking(booking_id), queries.draft_of(booking_id)
    refusal = rules.work_refusal(booking)
    words = WORDS[refusal] if refusal else ""
    page = _page(booking, form, draft) | {"refusal": words, "replaced": replaced, "services": TEXTS}
    page["elsewhere"] = queries.usual_elsewhere(booking.workshop_id, page["catalogue"])
    return form_page("extensions/raise.html", form, **page)


def _replaced(booking: Booking, content: dict[str, Any]) -> Extension | None:
    """The extension of this booking that is being corrected: the form names it, before that the address or the draft.

    It may be decided meanwhile: then sending is refused, and the page says so.
    """
    named = request.form if request.method == "POST" else {**content, **request.args}
    return _named(booking, named.get("replaces", ""))


def _withdrawn(booking: Booking) -> Extension | None:
    """The withdrawn extension of this booking that the address wants to begin with."""
    found = _named(booking, request.args.get("again", "")) if request.method == "GET" else None
    return found if found is not None and found.status is ExtensionStatus.CANCELLED else None


def _named(booking: Booking, name: str) -> Extension | None:
    wanted = ids_of([name])
    found = db.session.get(Extension, wanted[0]) if wanted else None
    if wanted and (found is None or found.booking_id != booking.id):
        raise NotFound
    return found


def _start(
    booking: Booking, content: dict[str, Any] | None, replaced: Extension | None, withdrawn: Extension | None
) -> dict[str, Any]:
    """What the page opens with: what is being corrected, else the draft, else what was withdrawn, else nothing."""
    typed = content or {}
    if withdrawn is not None and typed and typed.get("again") != str(withdrawn.id):
        flash(
            _("Hier liegt schon ein Entwurf. Verwerfen Sie ihn, wenn das alte Angebot an seine Stelle soll."), "warning"
        )
    elif withdrawn is not None and not typed:
        return keyed(offer.content_of(withdrawn, {}, _usual(booking)))
    if replaced is None or replaced.status is not ExtensionStatus.PENDING or typed.get("replaces") == str(replaced.id):
        return keyed(typed)
    return keyed(offer.content_of(replaced, wishes.places_in(replaced.id), _usual(booking)))


def _usual(booking: Booking) -> dict[str, WorkItem]:
    return queries.usual_work_named(booking.workshop_id, booking.service)


def keyed(content: dict[str, Any]) -> dict[str, Any]:
    """The draft with a key of its own, by which it is known when it is over."""
    return content | {"draft_key": content.get("draft_key") or _new_key()}


def _new_key() -> str:
    return str(uuid.uuid4())


def _form(booking: Booking, content: dict[str, Any], *, only_content: bool = False) -> OfferForm:
    form = OfferForm(formdata=None, data=_read(content)) if only_content else OfferForm(data=_read(content))
    form.new_return_slot_id.choices = [SelectChoice("", _("Es bleibt beim zugesagten Fenster"))]
    windows = _returns(booking)
    form.new_return_slot_id.choices += windows or []
    if not windows:
        form.time_field = "new_promised_at" if windows is None else "delay_reason"
    return form


def _read(content: dict[str, Any]) -> dict[str, Any]:
    typed = content.get("new_promised_at")
    return content | {"new_promised_at": datetime.fromisoformat(typed) if typed else None}


def _returns(booking: Booking) -> list[SelectChoice] | None:
    """The return windows that could be promised instead; None when the customer fetches the car."""
    if not may_choose_return(booking):
        return None
    options = return_options(booking)
    return [SelectChoice(str(one.slot_id), day_window(instant(one.start), instant(one.end))) for one in options]


def _take_files(booking_id: uuid.UUID, form: OfferForm) -> None:
    """What was chosen and has not been sent by script goes where it was chosen."""
    for field in form.photo_fields:
        kept, field.refused = sent.take(current_user, MediaPurpose.BOOKING, booking_id, f"file-{field.name}")
        field.data = [*(field.data or []), *map(str, kept)]


def _raise(
    booking_id: uuid.UUID, form: OfferForm, replaced: Extension | None
) -> tuple[uuid.UUID, commands.HoldWish | None]:
    """The extension, and the wish for the money of what was approved with it at once."""
    key, earlier, offered = form.draft_key.data or "", replaced.id if replaced else None, offer.offer_of(form)
    if APPROVE not in request.form:
        return commands.raise_extension(current_user, booking_id, offered, earlier, key), None
    cents = rules.total_cents(offered.items)
    if request.form[APPROVE] != str(cents):  # the button named what had been added up before
        raise Invalid(_("Freigegeben wird das ganze Angebot, %(sum)s. Stimmt das so?", sum=formatting.eur(cents)))
    return commands.raise_within_limit(current_user, booking_id, offered, earlier, key)


def _go_on(extension_id: uuid.UUID, wish: commands.HoldWish | None) -> Response:
    if wish is not None:
        commands.authorize_now(wish)
        flash(_("Freigegeben. Der Kunde hat eine Nachricht bekommen."), "success")
    if request.form.get("then") == "consent":
        return htmx.see_other(url_for("extensions.consent", extension_id=extension_id))
    return htmx.see_other(url_for("extensions.at_work", extension_id=extension_id))


def _page(booking: Booking, form: OfferForm, draft: Any) -> dict[str, Any]:
    totals = offer.totals_of(form)
    return {
        **frame(booking),
        "catalogue": queries.catalogue(booking.workshop_id, booking.service),
        "totals": totals,
        "saved_at": draft.updated_at if draft else None,
        "returns": form.new_return_slot_id.choices[1:] if may_choose_return(booking) else None,
        "limit_left_cents": rules.limit_left_cents(booking),
        "may_approve": _may_approve(booking, form, totals),
        "media_files": media_files,
    }


def _may_approve(booking: Booking, form: OfferForm, totals: offer.Totals) -> bool:
    """Is all of it, as it is typed, within what the customer allowed without being asked?"""
    moves_return = form.slot_id is not None or form.promised_at is not None
    is_whole = totals.cents > 0 and all(line.cents is not None for line in totals.lines)
    return is_whole and rules.allowed_cents(booking, totals.cents, moves_return=moves_return) > 0


def media_files(wanted: Sequence[str] | None) -> list[MediaFile]:
    """The uploaded files that a form names."""
    return files(ids_of(wanted or []))


@blueprint.post("/workshop/bookings/<uuid:booking_id>/extensions/draft")
@requires("extensions.workshop")
def draft(booking_id: uuid.UUID) -> Response:
    booking = visible_booking(booking_id)
    replaced = _replaced(booking, {})
    form = _form(booking, {})
    _take_files(booking_id, form)
    content, works = form.content(), queries.usual_work(booking.workshop_id)
    said = offer.changed(content, works, request.form, booking.user.language)
    content |= {"replaces": str(replaced.id) if replaced else "", "again": request.form.get("again", "")}
    if htmx.wants_fragment():
        kept = commands.save_draft(current_user, booking_id, content)
        return _fragments(booking_id, content, said if kept else "", over=not kept)
    _say_of_files(form)
    return _save(booking_id, content, replaced)


def _save(booking_id: uuid.UUID, content: dict[str, Any], replaced: Extension | None) -> Response:
    """Without script: back to the form, or all that was typed with the reason why it is not kept."""
    try:
        if not commands.save_draft(current_user, booking_id, content):
            raise Conflict(OVER)
    except (Busy, Conflict) as refusal:
        fresh = {"draft_key": _new_key()} if isinstance(refusal, Conflict) else {}
        form = _form(visible_booking(booking_id), content | fresh, only_content=True)
        form.refuse(refusal)
        return _shown(booking_id, form, replaced)
    at = request.form.get("files")
    back = url_for("extensions.new", booking_id=booking_id, replaces=replaced and replaced.id, _anchor=at)
    return htmx.see_other(back)


def _say_of_files(form: OfferForm) -> None:
    """Why files were not taken; that none was chosen, to whoever pressed the button that sends them."""
    refused = [words for field in form.photo_fields for words in field.refused]
    pressed = next((field for field in form.photo_fields if field.name == request.form.get("files")), None)
    if pressed is not None and not refused and not any(one.filename for one in request.files.values()):
        refused = [str(sent.NONE_CHOSEN)]
    for words in refused:
        flash(words, "danger")


def _fragments(booking_id: uuid.UUID, content: dict[str, Any], said: str, *, over: bool) -> Response:
    """The sum alone while somebody types; the lines too after a line came or went."""
    booking = visible_booking(booking_id)
    form = _form(booking, content, only_content=True)
    page = _page(booking, form, queries.draft_of(booking_id))
    if not said:
        return make_response(render_template("extensions/_sum_changed.html", form=form, over=over, **page))
    answer = make_response(render_template("extensions/_offer_changed.html", form=form, **page))
    answer.headers["HX-Trigger"] = json.dumps({"announce": said})
    return answer


@blueprint.post("/workshop/bookings/<uuid:booking_id>/extensions/draft/removal")
@requires("extensions.workshop")
def draft_removal(booking_id: uuid.UUID) -> Response:
    commands.drop_draft(current_user, booking_id)
    flash(_("Der Entwurf ist verworfen."), "success")
    return htmx.see_other(url_for("extensions.new", booking_id=booking_id))
