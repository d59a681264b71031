"""What customers say about themselves, and the code that proves an address: asked alike wherever it is asked."""

from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length, ValidationError

from b2c_web import formatting
from b2c_web.accounts.rules import digits_of_code, names_the_house, normalized_email, phone_in_e164
from b2c_web.config import STANDING_LIMITS_CENTS
from b2c_web.forms import Form, trimmed


def standing_limits() -> list[int]:
    """Up to which sums, in cents, a customer may choose not to be asked: none above what the operator allows."""
    return [cents for cents in STANDING_LIMITS_CENTS if cents <= current_app.config["STANDING_LIMIT_MAX_CENTS"]]


def with_house_number(_form: Form, field: Field) -> None:
    """Validator of a street: a jockey has to find the door."""
    if not names_the_house(field.data):
        raise ValidationError(_l("Bitte mit Hausnummer. Hat das Haus keine, schreiben Sie „ohne Nummer“ dazu."))


class ContactForm(Form):
    """Who wants a booking, or a place on a waiting list, and where the car stands."""

    street = StringField(
        _l("Straße und Hausnummer"),
        filters=[trimmed],
        validators=[DataRequired(_l("Bitte nennen Sie Straße und Hausnummer.")), Length(max=200), with_house_number],
    )
    city = StringField(
        _l("Ort"), filters=[trimmed], validators=[DataRequired(_l("Bitte nennen Sie den Ort.")), Length(max=120)]
    )
    name = StringField(
        _l("Vor- und Nachname"),
        filters=[trimmed],
        validators=[DataRequired(_l("Bitte nennen Sie Ihren Namen.")), Length(max=120)],
    )
    email = StringField(_l("E-Mail-Adresse"), filters=[trimmed])
    phone = StringField(
        _l("Telefon"), filters=[trimmed], validators=[DataRequired(_l("Bitte nennen Sie eine Telefonnummer."))]
    )
    standing_limit = SelectField(
        _l("Ohne Rückfrage bis"),
        choices=[],
        coerce=int,
        default=lambda: current_app.config["STANDING_LIMIT_CENTS"],
    )
    early_start = BooleanField(_l("Beginn vor Ablauf der Widerrufsfrist"))
    terms = BooleanField(_l("AGB"))

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.standing_limit.choices = [
            SelectChoice(cents, formatting.eur(cents) if cents else _l("0 EUR: immer fragen"))
            for cents in standing_limits()
        ]

    def validate_email(self, field: Field) -> None:
        if not field.data:
            raise ValidationError(_l("Bitte nennen Sie Ihre E-Mail-Adresse."))
        address = normalized_email(field.data)
        if address is None:
            raise ValidationError(_l("An diese Adresse kommt keine E-Mail an. Bitte prüfen Sie sie."))
        field.data = address

    def validate_phone(self, field: Field) -> None:
        number = phone_in_e164(field.data or "")
        if number is None:
            raise ValidationError(_l("Unter dieser Nummer erreichen wir niemanden. Bitte prüfen Sie sie."))
        field.data = number

    def validate_terms(self, field: Field) -> None:
        if not field.data:
            raise ValidationError(_l("Bitte stimmen Sie den AGB zu."))


class CodeForm(Form):
    code = StringField(_l("Code aus der E-Mail"), filters=[trimmed])

    def validate_code(self, field: Field) -> None:
        if digits_of_code(field.data or "") is None:
            raise ValidationError(_l("Der Code hat sechs Ziffern."))

    @property
    def digits(self) -> str:
        return digits_of_code(self.code.data or "") or ""
