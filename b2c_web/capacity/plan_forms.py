"""The shapes of what staff send about a day, a window, and one window more."""

from datetime import time
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, IntegerField, StringField, TimeField
from wtforms.validators import InputRequired

from b2c_web.capacity.day import DayPanel, WindowPanel
from b2c_web.forms import Form, WholeNumberField, trimmed
from b2c_web.workshops.editing import Edit, read_state
from b2c_web.workshops.models import Workshop
from b2c_web.workshops.weekly import PlannedWindow


class PlacesField(IntegerField):
    """A whole number of places, with our own words for what is none."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError(_l("Bitte als ganze Zahl, zum Beispiel 16.")) from error


class PlanForm(Form):
    max_bookings = PlacesField(
        _l("Höchstens"), validators=[InputRequired(_l("Bitte nennen Sie eine Zahl, zum Beispiel 16."))]
    )
    closed = BooleanField(_l("Geschlossen"))
    note = StringField(_l("Notiz"), filters=[trimmed])
    seen = HiddenField()

    def edit(self) -> Edit:
        """What the command is to do."""
        return Edit(self.max_bookings.data or 0, self.closed.data, self.note.data or None, self.seen.data or "")


def keep_typed(sent: PlanForm, now: PlanForm) -> None:
    """Somebody was quicker: what was typed stays, with what stands now beside it; what was not touched follows."""
    before = read_state(sent.seen.data or "")
    for name in ("max_bookings", "closed", "note"):
        mine, theirs = sent[name], now[name].data
        if name in before and (mine.data or None) == (before[name] or None):
            mine.data, mine.raw_data = theirs, None
        elif name != "closed" and (theirs or None) not in (mine.data or None, before.get(name)):
            mine.description = _("Jetzt steht hier: %(now)s", now=theirs if theirs is not None else _("nichts"))
    sent.seen.data = now.seen.data


def day_form(panel: DayPanel) -> PlanForm:
    """The form of a day as it stands."""
    note = panel.row.note if panel.row else None
    facts = {"max_bookings": panel.usual_maximum, "closed": panel.is_closed, "note": note, "seen": panel.seen}
    return PlanForm(formdata=None, prefix="", data=facts)


def window_form(window: WindowPanel) -> PlanForm:
    """The form of a window as it stands."""
    slot = window.slot
    facts = {"max_bookings": slot.max_bookings, "closed": not slot.is_available, "note": slot.note}
    return numbered(PlanForm(formdata=None, data=facts | {"seen": window.seen}), str(slot.id))


def numbered(form: PlanForm, mark: str) -> PlanForm:
    """Several of these forms stand on one page: each field's id ends with a mark of its own."""
    for field in form:
        field.id = f"{field.short_name}-{mark}"
        field.label.field_id = field.id
    return form


class WindowTimeField(TimeField):
    """A time of the day, with our own words for what is none."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError(_l("Bitte als Uhrzeit, zum Beispiel 18:00.")) from error


class NewWindowForm(Form):
    starts = WindowTimeField(_l("Von"), validators=[InputRequired(_l("Bitte nennen Sie den Beginn."))])
    ends = WindowTimeField(_l("Bis"), validators=[InputRequired(_l("Bitte nennen Sie das Ende."))])
    places = PlacesField(_l("Plätze"), validators=[InputRequired(_l("Bitte nennen Sie eine Zahl, zum Beispiel 4."))])

    def window(self) -> PlannedWindow:
        """The window in wall-clock minutes; an end at midnight is the end of the day."""
        starts, ends = minutes_of(self.starts.data), minutes_of(self.ends.data) or 1440
        return PlannedWindow(starts, ends, self.places.data or 0)


class OverbookingForm(Form):
    jockey_overbooking_percent = WholeNumberField(
        _l("Überbuchung der Jockeys, in Prozent"),
        example="110",
        validators=[InputRequired(_l("Bitte nennen Sie eine Zahl, zum Beispiel 110."))],
    )


def overbooking_form(workshop: Workshop) -> OverbookingForm:
    """The form of the factor as it stands."""
    return OverbookingForm(formdata=None, data={"jockey_overbooking_percent": workshop.jockey_overbooking_percent})


def minutes_of(at: time | Any) -> int:
    """Minutes after midnight."""
    return int(at.hour * 60 + at.minute)
