"""The shapes of what customers enter about their cars."""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from werkzeug.datastructures import FileStorage
from wtforms import DateField, Field, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError

from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.forms import Form, WholeNumberField, trimmed
from b2c_web.vehicles import rules
from b2c_web.vehicles.commands import CarFacts
from b2c_web.vehicles.models import Vehicle, VehicleClass
from b2c_web.vehicles.texts import TEXTS

TOO_LONG = _l("Bitte höchstens %(max)d Zeichen.")


class DayField(DateField):
    """A date, with our own words for what is none."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError(_l("Dieses Datum gibt es nicht.")) from error


class CarForm(Form):
    license_plate = StringField(
        _l("Kennzeichen"),
        filters=[trimmed],
        validators=[DataRequired(_l("Bitte geben Sie das Kennzeichen ein.")), Length(max=20, message=TOO_LONG)],
    )
    make = StringField(
        _l("Marke"),
        filters=[trimmed],
        validators=[DataRequired(_l("Bitte geben Sie die Marke ein.")), Length(max=60, message=TOO_LONG)],
    )
    model = StringField(
        _l("Modell"),
        filters=[trimmed],
        validators=[DataRequired(_l("Bitte geben Sie das Modell ein.")), Length(max=60, message=TOO_LONG)],
    )
    year = WholeNumberField(_l("Baujahr"), validators=[InputRequired(_l("Bitte geben Sie das Baujahr ein."))])
    vehicle_class = RadioField(
        _l("Fahrzeugklasse"),
        choices=[SelectChoice(kind.value, texts.name) for kind, texts in TEXTS.items()],
        validators=[DataRequired(_l("Bitte wählen Sie eine Klasse."))],
        validate_choice=False,
    )
    first_registration = DayField(_l("Erstzulassung"), validators=[Optional()])
    vin = StringField(
        _l("Fahrgestellnummer (FIN)"),
        filters=[trimmed],
        validators=[Optional(), Length(max=40, message=TOO_LONG)],
    )

    def validate_license_plate(self, field: Field) -> None:
        _refuse(rules.check_plate(field.data)[1])

    def validate_year(self, field: Field) -> None:
        if field.data is not None:
            _refuse(rules.year_refusal(field.data, today_in(ZONE)))

    def validate_vehicle_class(self, field: Field) -> None:
        if field.data not in set(VehicleClass):
            raise ValidationError(_l("Bitte wählen Sie eine Klasse."))

    def validate_vin(self, field: Field) -> None:
        if field.data:
            _refuse(rules.check_vin(field.data)[1])

    def facts(self) -> CarFacts:
        return CarFacts(
            license_plate=self.license_plate.data,
            make=self.make.data,
            model=self.model.data,
            year=self.year.data,
            vehicle_class=VehicleClass(self.vehicle_class.data),
            vin=self.vin.data or None,
            first_registration=self.first_registration.data,
        )


def car_form(vehicle: Vehicle | None = None) -> CarForm:
    """The form of a car, filled with what is known."""
    if vehicle is None:
        return CarForm()
    names = ("license_plate", "make", "model", "year", "vin")
    known: dict[str, Any] = {name: getattr(vehicle, name) for name in names}
    known["first_registration"] = vehicle.first_registration.date() if vehicle.first_registration else None
    return CarForm(vehicle_class=vehicle.vehicle_class.value, **known)


class DocumentForm(Form):
    document = FileField(_l("Fahrzeugschein"))

    def validate_document(self, field: Field) -> None:
        if not isinstance(field.data, FileStorage) or not field.data.filename:
            raise ValidationError(_l("Bitte wählen Sie eine Datei."))

    def content(self) -> bytes:
        """At most one byte more than we take, which is enough to refuse it."""
        data: FileStorage = self.document.data
        return data.stream.read(rules.DOCUMENT_MAX_BYTES + 1)


def _refuse(refusal: Any) -> None:
    if refusal:
        raise ValidationError(refusal)
