"""The shapes of the forms at the workshop's desk."""

from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, ValidationError

from b2c_web.bookings.arrival import UNSAID
from b2c_web.bookings.desk import Ending
from b2c_web.bookings.models import Booking
from b2c_web.bookings.naming import NEEDED, TOLD, SeenCar
from b2c_web.bookings.rules import ArrivalDoubt
from b2c_web.clock import now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.formatting import eur
from b2c_web.forms import EuroField, Form, MomentField, WholeNumberField, trimmed
from b2c_web.vehicles.rules import check_plate, check_vin, year_refusal

SAME, CORRECTED, OTHER = "same", "corrected", "other"
TOO_LONG = _l("Bitte höchstens %(max)d Zeichen.")
A_NAME = [Optional(), Length(max=60, message=TOO_LONG)]
LACKS = _l("Bitte eintragen.")
SAME_PLATE = _l("Das ist das Kennzeichen des gebuchten Autos.")


class CheckInForm(Form):
    which = RadioField(
        _l("Welches Auto steht da?"),
        choices=[SelectChoice(SAME), SelectChoice(CORRECTED), SelectChoice(OTHER)],
        default=SAME,
    )
    license_plate = StringField(_l("Kennzeichen"), filters=[trimmed])
    make = StringField(_l("Marke"), filters=[trimmed], validators=A_NAME)
    model = StringField(_l("Modell"), filters=[trimmed], validators=A_NAME)
    year = WholeNumberField(_l("Baujahr"), validators=[Optional()])
    vin = StringField(_l("Fahrgestellnummer (FIN)"), filters=[trimmed])
    mileage_km = WholeNumberField(
        _l("Kilometerstand"),
        example="84512",
        validators=[
            InputRequired(LACKS),
            NumberRange(0, 2_000_000, _l("Zwischen 0 und 2.000.000.")),
        ],
    )
    mileage_confirmed = BooleanField(_l("Der Kilometerstand stimmt, ich habe nachgesehen"))
    keys_at = StringField(_l("Schlüssel"), filters=[trimmed], validators=[Length(max=60, message=TOO_LONG)])
    parked_at = StringField(_l("Stellplatz"), filters=[trimmed], validators=[Length(max=60, message=TOO_LONG)])
    brought = BooleanField(_l("Der Kunde hat das Auto selbst gebracht"))
    early = BooleanField(_l("Das Auto ist vor seinem Termin da"))

    is_named = True  # does the booking name its car?
    booked_plate = ""
    asks_brought = False
    booked_for: date | None = None  # set when that is a later day

    def validate(self, extra_validators: Any = None) -> bool:
        """The car's facts count only when somebody says that they differ, or when none are known."""
        valid = bool(super().validate(extra_validators))
        if not self.is_named or self.which.data != SAME:
            valid = self._car_is_complete() and valid
        unsaid = {
            ArrivalDoubt.BROUGHT: self.asks_brought and not self.brought.data,
            ArrivalDoubt.EARLY: self.booked_for and not self.early.data,
        }
        for name, words in (UNSAID[doubt] for doubt, is_unsaid in unsaid.items() if is_unsaid):
            self.add_error(name, words)
        return valid and not any(unsaid.values())

    def _car_is_complete(self) -> bool:
        for name in NEEDED:
            if not self[name].data and not self[name].errors:
                self.add_error(name, LACKS)
        for name, refusal in self._refusals().items():
            if refusal and not self[name].errors:
                self.add_error(name, refusal)
        return not any(self[name].errors for name in TOLD)

    def _refusals(self) -> dict[str, Any]:
        plate, refusal = check_plate(self.license_plate.data or "")
        same = self.which.data == OTHER and plate == self.booked_plate
        return {
            "license_plate": refusal or (SAME_PLATE if same else None),
            "year": year_refusal(self.year.data or 0, today_in(ZONE)),
            "vin": check_vin(self.vin.data)[1] if self.vin.data else None,
        }

    def seen(self) -> SeenCar | None:
        """The car that stands there, when it is not simply the booked one."""
        if self.is_named and self.which.data == SAME:
            return None
        return SeenCar({name: self[name].data for name in TOLD}, is_other=self.which.data == OTHER)


def check_in_form(booking: Booking, *, asks_brought: bool) -> CheckInForm:
    """The form for one booking, its car's fields filled with what was booked."""
    car = booking.vehicle
    known = {name: getattr(car, name) for name in TOLD} if car else {**booking.car_details}
    form = CheckInForm(**{name: known.get(name) for name in TOLD})
    form.is_named, form.asks_brought = car is not None, asks_brought
    form.booked_plate = car.license_plate if car else ""
    day = booking.slot.start_time.astimezone(ZONE).date()
    form.booked_for = day if day > today_in(ZONE) else None
    return form


WITHDRAWAL = _l("Widerruf des Kunden")


class StaffCancelForm(Form):
    """Carries what the page showed: another sum than the one on the button is shown before it counts."""

    refund = EuroField(_l("Zurück an den Kunden"), filters=[trimmed])
    reason = TextAreaField(
        _l("Grund"),
        description=_l("Steht so in der Nachricht an den Kunden."),
        filters=[trimmed],
        validators=[DataRequired(_l("Bitte nennen Sie den Grund.")), Length(max=500, message=TOO_LONG)],
    )
    seen = HiddenField()
    shown_cents = HiddenField()

    left_cents = 0
    asks_sum = False  # another sum than the page showed: it is shown, and counts when it is sent once more

    def validate(self, extra_validators: Any = None) -> bool:
        valid = bool(super().validate(extra_validators))
        self.asks_sum = not self.refund.errors and str(self.refund_cents) != self.shown_cents.data
        return valid and not self.asks_sum

    def status_code(self) -> int:
        return max(super().status_code(), 422) if self.asks_sum else super().status_code()

    @property
    def refund_cents(self) -> int | None:
        """What goes back, when that can be read and is not more than what is there."""
        cents = self.refund.cents
        return cents if cents is not None and cents <= self.left_cents else None

    @property
    def kept_cents(self) -> int:
        return self.left_cents - (self.refund_cents or 0)

    def validate_refund(self, field: EuroField) -> None:
        if self.refund_cents is None:
            raise ValidationError(_l("Höchstens %(paid)s, mehr ist nicht bezahlt.", paid=eur(self.left_cents)))

    def show(self, ending: Ending) -> None:
        """The page names the sums as they are in the form now; of a withdrawal nobody has anything to say."""
        self.left_cents, self.seen.data = ending.left_cents, ending.seen
        if ending.withdrawn_at is not None:
            self.refund.data, self.reason.data = eur(ending.left_cents), str(WITHDRAWAL)
        self.shown_cents.data = "" if self.refund_cents is None else str(self.refund_cents)


def staff_cancel_form(ending: Ending) -> StaffCancelForm:
    """The form, with what goes back by the rules filled in as far as there are any."""
    policy = ending.refund_cents
    form = StaffCancelForm(data={"refund": "" if policy is None else eur(policy)})
    form.left_cents = ending.left_cents
    return form


class StartForm(Form):
    """`unasked`: the page said that the customer may still withdraw, and the person begins nevertheless."""

    unasked = BooleanField(_l("Beginn"))


class WithdrawalForm(Form):
    at = MomentField(
        _l("Wann hat der Kunde widerrufen?"),
        description=_l("Es zählt, wann er es gesagt oder abgeschickt hat."),
        default=lambda: now_utc().astimezone(ZONE),
        validators=[InputRequired(_l("Bitte nennen Sie den Zeitpunkt."))],
    )
    told = TextAreaField(
        _l("Wie kam der Widerruf?"),
        description=_l("Zum Beispiel: am Telefon, mit der Kundin selbst gesprochen. Steht im Protokoll der Buchung."),
        filters=[trimmed],
        validators=[
            DataRequired(_l("Bitte schreiben Sie auf, wie der Widerruf kam.")),
            Length(max=500, message=TOO_LONG),
        ],
    )


class ReworkForm(Form):
    reason = TextAreaField(
        _l("Was ist noch zu tun?"),
        filters=[trimmed],
        validators=[DataRequired(_l("Bitte nennen Sie den Grund.")), Length(max=500, message=TOO_LONG)],
    )


class CollectionForm(Form):
    ronja_back = BooleanField(_l("Die Ronja ist zurück, mit Schlüssel"))
    keys_given = BooleanField(_l("Schlüssel und Papiere sind übergeben"))

    asks_ronja = False

    def validate_keys_given(self, field: BooleanField) -> None:
        if not field.data:
            raise ValidationError(_l("Bitte bestätigen, dass der Kunde seine Schlüssel hat."))

    def validate_ronja_back(self, field: BooleanField) -> None:
        if self.asks_ronja and not field.data:
            raise ValidationError(_l("Ohne die Ronja bleibt die Buchung offen."))
