"""What the customer does with an extension, the same through both doors: signed in, and by the mailed link."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Self

from flask import Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from b2c_web import htmx, live
from b2c_web.bookings.models import Booking
from b2c_web.catalog.texts import TEXTS
from b2c_web.errors import Conflict
from b2c_web.extensions import commands, queries, rules
from b2c_web.extensions.commands import Decider
from b2c_web.extensions.forms import ItemsForm, RefusalForm, WordsForm
from b2c_web.extensions.reading import ExtensionView
from b2c_web.extensions.views.shown import photos_of, plate_of, saved_method, version_of
from b2c_web.forms import form_page, submitted
from b2c_web.money import contained_vat_cents


@dataclass(frozen=True)
class Door:
    """Who came in, to which extension. `decider` is None for somebody who may only look at the outcome.

    The extension (raises NotFound when it is not theirs) and its booking are read when a page shows them: a decision
    locks, checks and reads its own.
    """

    decider: Decider | None
    extension_id: uuid.UUID
    read_extension: Callable[[uuid.UUID], ExtensionView]
    read_booking: Callable[[uuid.UUID], Booking]
    token: str | None = None

    @cached_property
    def extension(self) -> ExtensionView:
        return self.read_extension(self.extension_id)

    def checked(self) -> Self:
        """Itself, with the extension read: raises NotFound here when it is not theirs."""
        _read = self.extension
        return self

    @cached_property
    def booking(self) -> Booking:
        return self.read_booking(self.extension.booking_id)

    def url(self, step: str, **values: Any) -> str:
        if self.token is not None:
            return url_for(f"extensions.link_{step}", token=self.token, **values)
        return url_for(f"extensions.{step}", extension_id=self.extension_id, **values)

    @property
    def viewer(self) -> str:
        """To whom the photos' signed addresses are given."""
        if self.token is not None:
            return f"extension:{self.extension_id}"
        return f"user:{self.booking.user_id}"


def page(door: Door, **more: Any) -> Response:
    """The extension as its customer sees it; a 422 or 409 comes from the form that was refused."""
    forms = {"refusal": RefusalForm(formdata=None), "question": WordsForm(formdata=None), "form": ItemsForm()} | more
    refused = next((one for one in forms.values() if hasattr(one, "status_code") and one.status_code() > 200), None)
    status = refused.status_code() if refused else 200
    answer = htmx.render("extensions/decide.html", None, status, refused=refused, **_facts(door), **forms)
    if wait := refused and refused.refusal and refused.refusal.details.get("retry_after_seconds"):
        answer.headers["Retry-After"] = str(wait)
    return answer


def _facts(door: Door) -> dict[str, Any]:
    extension, booking = door.extension, door.booking
    ticked = _ticked(extension, request.values)
    return {
        "door": door,
        "extension": extension,
        "booking": booking,
        "plate": plate_of(booking),
        "service": TEXTS[booking.service],
        "photos_of": photos_of(extension),
        "viewer": door.viewer,
        "ticked": ticked,
        "sum_cents": _sum(extension, ticked),
        "allowed_cents": _allowed(door),
        "later_return": _later_return(door),
        "method": saved_method(booking.user),
        "vat_cents": contained_vat_cents(extension.shown_cents, extension.vat_rate_percent),
        "version": _version(door),
    }


def _allowed(door: Door) -> int:
    extension = door.extension
    return rules.allowed_cents(door.booking, extension.total_cents, moves_return=extension.new_promised_at is not None)


def _later_return(door: Door) -> datetime | None:
    """As `queries.later_return`; of most offers the booking need not be read for it."""
    return queries.later_return(door.booking, door.extension) if door.extension.new_promised_at else None


def _version(door: Door) -> str:
    """The limit is used up by other offers too, and the return moves by itself."""
    allowed = _allowed(door) if door.extension.is_pending else 0
    return live.version_of(version_of(door.extension), allowed, _later_return(door))


def _ticked(extension: ExtensionView, values: MultiDict[str, str]) -> set[int]:
    """The items that the form or the address ticks; of a page that is asked for, ?all=1 ticks every one."""
    everything, wanted = request.method == "GET" and bool(values.get("all")), set(values.getlist("item"))
    return {item.index for item in extension.items if everything or str(item.index) in wanted}


def _sum(extension: ExtensionView, ticked: set[int]) -> int:
    return sum(item.sum_cents for item in extension.items if item.index in ticked)


def look(door: Door) -> Response:
    """The page, or for somebody who has it open 204 or the region that changed, with the limit as it is now."""
    if not live.asked():
        return page(door)
    if "pending" in request.args and not door.extension.is_pending:
        return _decided_meanwhile(door)
    region = "extensions/_talk.html" if door.extension.is_pending else "extensions/_outcome.html"
    return live.answer(_version(door), lambda: _fragment([region, "extensions/_limit_said.html"], _facts(door)))


def _decided_meanwhile(door: Door) -> Response:
    """What came of it, and away with the form and the bar of a page that still waited."""
    parts = ("_outcome", "_limit_said", "_no_more_to_decide")
    answer = make_response(_fragment([f"extensions/{part}.html" for part in parts], _facts(door)))
    answer.headers["HX-Trigger"] = json.dumps({"announce": _("Hier ist inzwischen entschieden.")})
    return answer


def _fragment(names: list[str], facts: dict[str, Any]) -> str:
    return "".join(render_template(name, fragment=True, **facts) for name in names)


def sum_of_ticks(door: Door) -> Response:
    """The sum and the button that names it, for what is ticked now."""
    return make_response(render_template("extensions/_bar.html", follows=True, **_facts(door)))


def approve(door: Door, go_on: Callable[[], Response]) -> Response:
    """Approve what is ticked, but only when the button named its sum; else show what would be approved."""
    form = ItemsForm()
    paying: list[commands.HoldWish] = []
    if form.said() is None or not form.item.data:
        return _review(door, form)

    def act() -> None:
        wanted = (_decider(door), door.extension_id, form.item.data, form.shown.data or "")
        paying.append(commands.approve(*wanted, named_cents=form.said()))

    if submitted(form, act):
        commands.authorize_now(paying[0])
        return go_on()
    if form.refusal and form.refusal.code == rules.Refusal.OTHER_SUM:
        return _review(door, ItemsForm())
    return refused_page(door, form=form)


def _review(door: Door, form: ItemsForm) -> Response:
    if not _ticked(door.extension, request.form):
        form.item.errors = [_("Bitte kreuzen Sie an, was wir machen sollen. Sonst lehnen Sie unten alles ab.")]
        return page(door, form=form)
    if not door.extension.is_pending:
        form.refuse(Conflict(_("Hier ist inzwischen entschieden.")))
        return page(door, form=form)
    return form_page("extensions/review.html", form, **_facts(door))


def refused_page(door: Door, **forms: Any) -> Response:
    """The page as it stands now, with the reason on top."""
    return page(replace(door), **forms)


def _decider(door: Door) -> Decider:
    if door.decider is None:
        raise Conflict(_("Hier ist schon entschieden."))
    return door.decider


def decline(door: Door, go_on: Callable[[], Response]) -> Response:
    form = RefusalForm()
    if submitted(form, lambda: commands.decline(_decider(door), door.extension_id, form.said(), form.shown.data or "")):
        return go_on()
    return refused_page(door, refusal=form)


def ask(door: Door) -> Response:
    form = WordsForm()
    if submitted(form, lambda: commands.ask(_decider(door), door.extension_id, form.words.data or "")):
        flash(_("Ihre Frage ist in der Werkstatt. Die Antwort kommt auch per Mail."), "success")
        return htmx.see_other(door.url("show", item=sorted(_ticked(door.extension, request.form))))
    return refused_page(door, question=form)
