"""An extension as the workshop works with it: its state, questions, and the two cases in which staff may approve."""

import uuid
from typing import Any

from flask import Response, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from b2c_web import formatting, htmx, live
from b2c_web.access import requires
from b2c_web.clock import now_utc
from b2c_web.config import ZONE
from b2c_web.extensions import blueprint, commands, queries, rules
from b2c_web.extensions.commands import Consent
from b2c_web.extensions.forms import ConsentForm, ItemsForm, SumForm, WordsForm
from b2c_web.extensions.models import AuthorizationStatus
from b2c_web.extensions.reading import ExtensionView
from b2c_web.extensions.views.shown import frame, photos_of, version_of, visible_booking
from b2c_web.forms import form_page, submitted
from b2c_web.media.models import MediaState


def _facts(extension_id: uuid.UUID) -> dict[str, Any]:
    extension = queries.visible_extension(current_user, extension_id)
    booking, shown = visible_booking(extension.booking_id), photos_of(extension)
    refused = [file for file in shown(extension.all_media) if file.state is MediaState.REFUSED]
    later_return = queries.later_return(booking, extension)
    return {
        **frame(booking),
        "extension": extension,
        "history": _history(extension),
        "left_cents": rules.limit_left_cents(booking),
        "later_return": later_return,
        "closed": rules.work_refusal(booking) is not None,
        "channels": rules.CHANNELS,
        "photos_of": shown,
        "unreadable": len(refused),
        "viewer": f"user:{current_user.id}",
        "version": live.version_of(version_of(extension), len(refused), later_return),
    }


def _history(extension: ExtensionView) -> list[ExtensionView]:
    """What this one replaced, newest first."""
    others = {one.id: one for one in queries.of_booking(extension.booking_id)}
    before, wanted = [], extension.replaces_id
    while wanted in others:
        before.append(others[wanted])
        wanted = others[wanted].replaces_id
    return before


@blueprint.get("/workshop/extensions/<uuid:extension_id>")
@requires("extensions.workshop")
def at_work(extension_id: uuid.UUID) -> Response:
    facts = _facts(extension_id) | {"answer": WordsForm(formdata=None)}
    if live.asked():
        return live.answer(facts["version"], lambda: render_template("extensions/_at_work.html", **facts))
    return htmx.render("extensions/at_work.html", None, **facts)


@blueprint.post("/workshop/extensions/<uuid:extension_id>/answer")
@requires("extensions.workshop")
def answer(extension_id: uuid.UUID) -> Response:
    form = WordsForm()
    form.words.label.text = _("Ihre Antwort")
    if submitted(form, lambda: commands.answer(current_user, extension_id, form.words.data or "")):
        flash(_("Die Antwort ist unterwegs."), "success")
        return _back(extension_id)
    return form_page("extensions/at_work.html", form, **_facts(extension_id), answer=form)


def _back(extension_id: uuid.UUID) -> Response:
    return htmx.see_other(url_for("extensions.at_work", extension_id=extension_id))


@blueprint.route("/workshop/extensions/<uuid:extension_id>/withdrawal", methods=["GET", "POST"])
@requires("extensions.workshop")
def withdrawal(extension_id: uuid.UUID) -> Response:
    form = WordsForm()
    form.words.label.text = _("Warum ziehen Sie es zurück?")
    if submitted(form, lambda: commands.withdraw_extension(current_user, extension_id, form.words.data or "")):
        flash(_("Das Angebot ist zurückgezogen, der Kunde weiß Bescheid."), "success")
        return htmx.see_other(_after_withdrawal(extension_id))
    return form_page("extensions/withdrawal.html", form, **_facts(extension_id))


def _after_withdrawal(extension_id: uuid.UUID) -> str:
    """Back to where it was asked from: the completion that was refused, or the extension."""
    if request.args.get("then") == "completion":
        extension = queries.visible_extension(current_user, extension_id)
        return url_for("extensions.completion", booking_id=extension.booking_id)
    return url_for("extensions.at_work", extension_id=extension_id)


@blueprint.route("/workshop/extensions/<uuid:extension_id>/limit-approval", methods=["GET", "POST"])
@requires("extensions.workshop")
def limit_approval(extension_id: uuid.UUID) -> Response:
    """Staff approve all of it under the customer's standing limit."""
    form = SumForm()
    paying: list[commands.HoldWish] = []
    cents = queries.visible_extension(current_user, extension_id).total_cents

    def act() -> None:
        paying.append(commands.approve_within_limit(current_user, extension_id, form.shown.data or ""))

    if form.is_submitted() and form.said() != cents:  # a page from before all of it was approved at once
        whole = formatting.eur(cents)
        form.form_errors.append(_("Freigegeben wird das ganze Angebot, %(sum)s. Stimmt das so?", sum=whole))
    elif submitted(form, act):
        return _approved(extension_id, paying[0], _("Freigegeben. Der Kunde hat eine Nachricht bekommen."))
    return form_page("extensions/limit_approval.html", form, **_facts(extension_id))


@blueprint.route("/workshop/extensions/<uuid:extension_id>/consent", methods=["GET", "POST"])
@requires("extensions.workshop")
def consent(extension_id: uuid.UUID) -> Response:
    """Staff record what the customer said outside of our pages."""
    extension = queries.visible_extension(current_user, extension_id)
    booking = visible_booking(extension.booking_id)
    form = ConsentForm(data={"channel": "phone", "name": booking.customer_name, "at": now_utc().astimezone(ZONE)})
    ticked = _ticked(extension, form)
    cents = sum(item.sum_cents for item in extension.items if item.index in ticked)
    if htmx.wants_fragment() and request.args.get("sum"):
        return htmx.render("extensions/_staff_sum.html", None, sum_cents=cents)
    paying: list[commands.HoldWish] = []

    def act() -> None:
        given = Consent(form.channel.data, form.name.data or "", form.at.instant, form.words.data or "")
        shown = form.shown.data or ""
        paying.append(commands.approve_on_consent(current_user, extension_id, ticked, shown, given))

    if form.is_submitted() and ticked and form.said() != cents:  # without script the button could not follow the ticks
        form.form_errors.append(_("Angekreuzt sind %(sum)s. Stimmt das so?", sum=formatting.eur(cents)))
    elif submitted(form, act):
        done = _("Zustimmung festgehalten. Der Kunde hat eine Nachricht bekommen und kann widersprechen.")
        return _approved(extension_id, paying[0], done)
    return form_page("extensions/consent.html", form, ticked=ticked, sum_cents=cents, **_facts(extension_id))


def _approved(extension_id: uuid.UUID, wish: commands.HoldWish, done: str) -> Response:
    commands.authorize_now(wish)
    flash(done, "success")
    return _back(extension_id)


def _ticked(extension: ExtensionView, form: ItemsForm) -> set[int]:
    """All of it until somebody unticks something."""
    everything = not (form.is_submitted() or request.args.get("sum"))
    wanted = set(request.values.getlist("item"))
    return {item.index for item in extension.items if everything or str(item.index) in wanted}


MONEY_WORDS = {
    "NONE": _l("Noch nicht beginnen: Es ist noch nichts freigegeben."),
    "PENDING": _l("Noch nicht beginnen: Der Betrag wird gerade reserviert."),
    "REQUIRES_ACTION": _l("Noch nicht beginnen: Die Bank will den Kunden sprechen. Er hat einen Link bekommen."),
    "AUTHORIZED": _l("Freigegeben, kann gemacht werden: Der Betrag ist reserviert."),
    "CAPTURING": _l("Wird abgebucht."),
    "PROCESSING": _l("Die Bank verarbeitet die Zahlung. Das zählt als entschieden."),
    "CAPTURED": _l("Abgebucht."),
    "FAILED": _l("Noch nicht beginnen: Die Karte wurde abgelehnt. Der Kunde kann eine andere nehmen."),
    "RELEASED": _l("Die Reservierung ist aufgehoben, abgebucht wird nichts."),
}


@blueprint.app_template_global("begin_words")
def begin_words(extension: ExtensionView) -> Any:
    """May the accepted work begin? In a sentence for the workshop."""
    if extension.is_not_taken:
        return _("Der Betrag ließ sich nicht einziehen und ist noch offen. Ihr Büro weiß Bescheid.")
    if extension.by_mandate and extension.authorization_status is AuthorizationStatus.AUTHORIZED:
        return _("Freigegeben, kann gemacht werden: Bezahlt wird bei Fertigstellung per Lastschrift.")
    return MONEY_WORDS[extension.authorization_status.value]
