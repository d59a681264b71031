"""The shapes of a booking's forms. What they mean is decided by commands and rules."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, IntegerField, RadioField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional, Regexp, ValidationError

from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.forms import Form, WholeNumberField
from b2c_web.vehicles.models import VehicleClass
from b2c_web.vehicles.rules import check_plate, year_refusal


def stripped(text: str | None) -> str | None:
    return text.strip() if text else text


def _a_plate(form: Form, field: StringField) -> None:
    plate, refusal = check_plate(field.data or "")
    if refusal:
        raise ValidationError(refusal)
    field.data = plate


def _a_year(form: Form, field: IntegerField) -> None:
    refusal = year_refusal(field.data, today_in(ZONE)) if field.data is not None else None
    if refusal:
        raise ValidationError(refusal)


class CarForm(Form):
    service = HiddenField()  # what was chosen on the front page
    vehicle = RadioField(_l("Welches Auto?"), choices=[], validate_choice=False)
    vehicle_class = RadioField(_l("Fahrzeugklasse"), choices=[], validate_choice=False)
    postal_code = StringField(
        _l("Postleitzahl"),
        filters=[stripped],
        validators=[
            DataRequired(_l("Bitte nennen Sie die Postleitzahl, bei der das Auto steht.")),
            Regexp(r"^[0-9]{5}$", message=_l("Eine Postleitzahl hat fünf Ziffern.")),
        ],
    )
    nearby_postal_code = StringField(
        _l("Postleitzahl in der Nähe"),
        filters=[stripped],
        validators=[Optional(), Regexp(r"^[0-9]{5}$", message=_l("Eine Postleitzahl hat fünf Ziffern."))],
    )
    license_plate = StringField(_l("Kennzeichen"), filters=[stripped], validators=[Optional(), _a_plate])
    make = StringField(_l("Marke"), filters=[stripped], validators=[Optional(), Length(max=60)])
    model = StringField(_l("Modell"), filters=[stripped], validators=[Optional(), Length(max=60)])
    year = WholeNumberField(_l("Baujahr"), validators=[Optional(), _a_year])

    asks_nearby = False
    car_ids: frozenset[str] = frozenset()  # the cars that this person has

    @property
    def shows_nearby(self) -> bool:
        """Do we ask for a second postal code, since we do not know where the first one lies?"""
        return self.asks_nearby or bool(self.nearby_postal_code.data or self.nearby_postal_code.errors)

    def validate_vehicle_class(self, field: RadioField) -> None:
        if field.data not in VehicleClass.__members__ and self.vehicle.data not in self.car_ids:
            raise ValidationError(_l("Bitte wählen Sie die Klasse, danach richtet sich der Preis."))

    def details(self) -> dict[str, Any]:
        named = {"license_plate": self.license_plate, "make": self.make, "model": self.model, "year": self.year}
        return {name: field.data for name, field in named.items() if field.data}


class CarDetailsForm(Form):
    license_plate = StringField(
        _l("Kennzeichen"),
        filters=[stripped],
        validators=[DataRequired(_l("Bitte nennen Sie das Kennzeichen.")), _a_plate],
    )
    make = StringField(
        _l("Marke"), filters=[stripped], validators=[DataRequired(_l("Bitte nennen Sie die Marke.")), Length(max=60)]
    )
    model = StringField(
        _l("Modell"), filters=[stripped], validators=[DataRequired(_l("Bitte nennen Sie das Modell.")), Length(max=60)]
    )
    year = WholeNumberField(
        _l("Baujahr"),
        validators=[
            InputRequired(_l("Bitte nennen Sie das Baujahr.")),
            _a_year,
        ],
    )


class ServiceForm(Form):
    service = RadioField(_l("Service"), choices=[], validators=[InputRequired(_l("Bitte wählen Sie einen Service."))])
    concierge = RadioField(
        _l("Wie kommt Ihr Auto zu uns?"),
        choices=[SelectChoice("1"), SelectChoice("0")],
        validators=[InputRequired(_l("Bitte wählen Sie."))],
    )
    wish = SelectMultipleField(_l("Beim letzten Mal noch offen"), choices=[], validate_choice=False)


class DateForm(Form):
    month = StringField(validators=[Optional()])  # stays open when something is missing
    day = StringField(validators=[Optional()])
    slot = StringField(
        _l("Zeitfenster"), id="windows", validators=[Optional()]
    )  # ids of what they stand for on the page
    back = StringField(_l("Rückgabe"), id="returns", validators=[Optional()])


class SummaryForm(Form):
    shown_total_cents = HiddenField()
    shown = HiddenField()  # a digest of everything else that the page shows


class ReturnForm(Form):
    back = RadioField(_l("Rückgabe"), choices=[], validators=[InputRequired(_l("Bitte wählen Sie ein Zeitfenster."))])


class EarlyStartForm(Form):
    agreed = BooleanField(
        _l("Beginn vor Ablauf der Widerrufsfrist"), validators=[DataRequired(_l("Bitte bestätigen Sie das."))]
    )


class FeeForm(DateForm):
    """Carries the fee that the page named, and the date: when it changed meanwhile, the person is asked again."""

    fee_cents = IntegerField(validators=[InputRequired()])
    seen = HiddenField()  # `moving.shown_of`
    next_url = ""
