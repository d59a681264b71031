"""What dispatchers and jockeys send."""

import base64
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField, TextAreaField, TimeField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.dispatch.commands import LACKING
from b2c_web.dispatch.deciding import Decision
from b2c_web.dispatch.models import CancelReason
from b2c_web.dispatch.rules import HandoverLack, NoShowLack
from b2c_web.dispatch.words import listed
from b2c_web.errors import Invalid
from b2c_web.forms import Form, WholeNumberField, trimmed

BEST = ""


def _id(text: str | None, field: str) -> uuid.UUID | None:
    """Raises Invalid for what is no id."""
    try:
        return uuid.UUID(text) if text else None
    except ValueError as error:
        raise Invalid(field=field) from error


class StepForm(Form):
    status = HiddenField()  # the state that the page showed
    early = BooleanField(_l("Ich fahre schon jetzt los, der Kunde weiß Bescheid"), render_kw={"form": "next-step"})
    has_ronja = BooleanField(
        _l("Ich habe die Ronja bei mir, sie ist vom anderen Kunden zurück"), render_kw={"form": "next-step"}
    )


class DecisionForm(Form):
    """Jockey, time and Ronja of a trip; the time is on the window's day, in the workshop's zone."""

    seen = HiddenField()
    jockey_id = RadioField(_l("Jockey"))
    time = TimeField(_l("An der Tür um"), format="%H:%M", validators=[Optional()])
    ronja_id = RadioField(_l("Ronja"), validate_choice=False, validators=[Optional()])
    accepted = HiddenField()  # what was chosen, and codes of what spoke against it, with blanks between
    anyway = BooleanField(_l("Trotzdem so einteilen"))

    def decision(self, window_start: datetime) -> Decision:
        arrival = None
        if self.time.data is not None:
            minutes = self.time.data.hour * 60 + self.time.data.minute
            arrival = local_to_utc(window_start.astimezone(ZONE).date(), minutes, ZONE)
        return Decision(_id(self.jockey_id.data, "jockey_id"), arrival, _id(self.ronja_id.data, "ronja_id"))

    def show(self, codes: Iterable[str]) -> None:
        """The page tells what speaks against this choice."""
        self.accepted.data = " ".join([self._choice(), *codes])

    def accepted_codes(self) -> list[str]:
        """What was shown and accepted; nothing when another jockey or time is chosen now."""
        chosen, *codes = (self.accepted.data or "-").split()
        return codes if self.anyway.data and chosen == self._choice() else []

    def _choice(self) -> str:
        return f"{self.jockey_id.data}@{self.time.data or ''}"


class EndForm(Form):
    """Taking a trip off the plan."""

    seen = HiddenField()
    reason = RadioField(_l("Grund"), validators=[InputRequired(_l("Bitte wählen Sie den Grund."))])
    note = StringField(
        _l("Nachricht an den Kunden"),
        description=_l("Steht so in der Mail. Leer: der Grund in unseren Worten."),
        filters=[trimmed],
        validators=[Length(max=300)],
    )

    def why(self) -> CancelReason:
        return CancelReason(self.reason.data)


class WindowForm(Form):
    """Nothing is chosen until somebody does: the choice is promised to the customer at once."""

    slot_id = SelectField(_l("Neues Fenster"), validators=[InputRequired(_l("Bitte wählen Sie ein Fenster."))])

    def offer(self, windows: Iterable[tuple[str, str]]) -> None:
        """The windows (id, words) that are free; none leaves nothing to choose."""
        found = list(windows)
        self.slot_id.choices = [("", _l("Bitte wählen")), *found] if found else []


FUEL = [
    SelectChoice("R", _l("Reserve")),
    SelectChoice("1/4", "¼"),
    SelectChoice("1/2", "½"),
    SelectChoice("3/4", "¾"),
    SelectChoice("1", _l("voll")),
]
SIGNATURE_START = "data:image/png;base64,"


def _read_off(label: Any, example: str, missing: Any) -> WholeNumberField:
    strange = _l("Bitte prüfen Sie den Kilometerstand.")
    validators = [InputRequired(missing), NumberRange(0, 2_000_000, strange)]
    return WholeNumberField(label, example=example, validators=validators)


class PhotosForm(Form):
    """A form at the door. Its photos come from fields of their own, without script as files with the form.

    `taken` and `refused`: by field, the ids of files that came with it, and why others were not kept, in words.
    """

    photos_at = "photos"  # the field that stands for all of them

    def __init__(self, *arguments: Any, **facts: Any) -> None:
        super().__init__(*arguments, **facts)
        self.taken: dict[str, list[str]] = {}
        self.refused: dict[str, list[str]] = {}

    def validate(self, extra_validators: Any = None) -> bool:
        valid = bool(super().validate(extra_validators))
        return self.names_refused() and valid

    def names_refused(self) -> bool:
        """Says which files were not kept. True: all were."""
        refused = [words for of_field in self.refused.values() for words in of_field]
        for words in refused:
            self.add_error(self.photos_at, words)
        return not refused


UNTICKED = _l("Bitte setzen Sie noch den Haken: Erst dann gilt der Name als Unterschrift.")


class HandoverForm(PhotosForm):
    """What is noted at the door. The photos come from a field for each view."""

    photos = HiddenField(_l("Fotos"))
    mileage_km = _read_off(_l("Kilometerstand"), "84512", _l("Bitte lesen Sie den Kilometerstand ab."))
    mileage_confirmed = BooleanField(_l("Der Kilometerstand stimmt, ich habe nachgesehen"))
    fuel = RadioField(_l("Tank oder Akku"), choices=FUEL, validators=[InputRequired(_l("Bitte wählen Sie den Stand."))])
    keys = RadioField(
        _l("Schlüssel"),
        choices=[SelectChoice(str(n), str(n)) for n in (1, 2, 3)],
        validators=[InputRequired(_l("Wie viele Schlüssel sind es?"))],
    )
    keys_confirmed = BooleanField(_l("So viele Schlüssel sind es wirklich, ich habe nachgesehen"))
    papers = BooleanField(_l("Fahrzeugschein liegt dabei"))
    has_ronja = BooleanField(_l("Ich stehe neben dieser Ronja"))
    ronja_mileage_km = _read_off(
        _l("Kilometerstand der Ronja"), "12480", _l("Bitte lesen Sie den Kilometerstand der Ronja ab.")
    )
    ronja_confirmed = BooleanField(_l("Der Kilometerstand der Ronja stimmt, ich habe nachgesehen"))
    ronja_fuel = RadioField(
        _l("Tank oder Akku der Ronja"), choices=FUEL, validators=[InputRequired(_l("Bitte wählen Sie den Stand."))]
    )
    damage = TextAreaField(_l("Schäden"), filters=[trimmed], validators=[Length(max=2000)], render_kw={"rows": 3})
    wishes = TextAreaField(
        _l("Wünsche des Kunden"), filters=[trimmed], validators=[Length(max=2000)], render_kw={"rows": 2}
    )
    swapped = BooleanField(
        _l("Schlüsseltausch"), validators=[InputRequired(_l("Bitte bestätigen Sie den Tausch der Schlüssel."))]
    )
    signature = HiddenField(_l("Unterschrift"))  # drawn on glass, as a picture
    signature_id = HiddenField()  # one that was drawn and kept already
    signed_by = StringField(_l("Name"), filters=[trimmed], validators=[Length(max=120)])
    signed = BooleanField(_l("Ich bestätige Zustand, Kilometer und Ronja."))

    missing_views: Sequence[str] = ()
    asks_signature = False
    filled_in = ""  # the name that the page offers
    unkept: Any = ""  # why a drawn signature could not be kept, in words

    def validate(self, extra_validators: Any = None) -> bool:
        """Names photos and signature together with what else is missing."""
        valid = bool(super().validate(extra_validators))
        if self.missing_views:
            name, words = LACKING[HandoverLack.VIEWS]
            self.add_error(name, str(words) % {"views": listed(self.missing_views)})
        unsigned = self._unsigned()
        if unsigned:
            self.add_error(*unsigned)
        return valid and not self.missing_views and not unsigned

    def _unsigned(self) -> tuple[str, Any] | None:
        """Which field says why this is not signed; None where it is or need not be. A typed name stands for any
        drawing.
        """
        if self.signed.data and self.signed_by.data:
            return None
        if self.unkept:
            return "signature", self.unkept
        if not self.asks_signature or self.signature_id.data:
            return None
        typed = self.signed_by.data not in ("", None, self.filled_in)
        return ("signed", UNTICKED) if typed else ("signature", LACKING[HandoverLack.SIGNATURE][1])

    def picture(self) -> bytes | None:
        """The drawn signature, or None when nothing (readable) was drawn."""
        sent = self.signature.data or ""
        if not sent.startswith(SIGNATURE_START):
            return None
        try:
            return base64.b64decode(sent.removeprefix(SIGNATURE_START), validate=True)
        except ValueError:
            return None

    def noted(self) -> dict[str, Any]:
        """The handover without its photos."""
        typed = self.signed_by.data if self.signed.data and not self.signature_id.data else ""
        return {
            "mileage_km": self.mileage_km.data,
            "fuel": self.fuel.data,
            "ronja_mileage_km": self.ronja_mileage_km.data,
            "ronja_fuel": self.ronja_fuel.data,
            "keys": int(self.keys.data),
            "papers": self.papers.data,
            "damage": self.damage.data or "",
            "wishes": self.wishes.data or "",
            "signature": self.signature_id.data or "",
            "signed_by": self.signed_by.data or "",
            "signed_typed": typed or "",
        }


class NoShowForm(PhotosForm):
    calls = HiddenField(_l("Anrufe"))
    waited_minutes = HiddenField(_l("Wartezeit"))
    photo = HiddenField(_l("Foto"))
    waited = BooleanField(_l("Wartezeit"))

    photos_at = "photo"
    lacks: Sequence[NoShowLack] = ()
    calls_missing = 0

    def validate(self, extra_validators: Any = None) -> bool:
        """Names all that lacks at once; who has not waited yet need not say that they did."""
        valid = bool(super().validate(extra_validators))
        for lack in self.lacks:
            name, words = LACKING[lack]
            self.add_error(name, self._calls_missing() if lack is NoShowLack.CALLS else words)
        unsaid = NoShowLack.WAITING not in self.lacks and not self.waited.data
        if unsaid:
            self.add_error("waited", _l("Bitte bestätigen Sie, dass Sie gewartet haben."))
        return valid and not self.lacks and not unsaid

    def _calls_missing(self) -> str:
        return ngettext(
            "Bitte rufen Sie zuerst noch %(num)s Mal an.",
            "Bitte rufen Sie zuerst noch %(num)s Mal an.",
            self.calls_missing,
        )


class FailureForm(Form):
    reason = RadioField(
        _l("Was ist passiert?"),
        choices=[
            SelectChoice(CancelReason.NO_SHOW.value, _l("Niemand ist da")),
            SelectChoice(CancelReason.BREAKDOWN.value, _l("Panne unterwegs")),
        ],
        validators=[InputRequired(_l("Bitte nennen Sie den Grund."))],
    )
    note = StringField(
        _l("Nachricht an den Kunden"),
        description=_l("Steht so in der Mail. Leer: der Grund in unseren Worten."),
        filters=[trimmed],
        validators=[Length(max=300)],
    )
