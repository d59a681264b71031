"""The shapes of what staff and customers send around moves with consent and the waiting list."""

import uuid
from typing import Any

from flask import request
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    DateField,
    Field,
    HiddenField,
    SelectField,
    SelectMultipleField,
    StringField,
    SubmitField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, ValidationError

from b2c_web import formatting
from b2c_web.accounts.rules import digits_of_code, normalized_email, phone_in_e164
from b2c_web.forms import Form, WholeNumberField, trimmed

LIMITS_EUR = (0, 50, 100, 200, 500)


class AskForm(Form):
    """One or several `booking_id`."""

    booking_id = StringField(_l("Buchung"))
    reason = StringField(
        _l("Grund"), filters=[trimmed], validators=[Length(max=300, message=_l("Bitte kürzer, höchstens 300 Zeichen."))]
    )
    same_day = BooleanField(_l("Auch am selben Tag"))

    booking_ids: list[uuid.UUID]

    def validate_booking_id(self, field: Field) -> None:
        try:
            self.booking_ids = [uuid.UUID(text) for text in request.form.getlist("booking_id")]
        except ValueError as error:
            raise ValidationError(_l("Diese Buchung gibt es nicht.")) from error
        if not self.booking_ids:
            raise ValidationError(_l("Bitte wählen Sie eine Buchung."))


class AnswerForm(Form):
    """`choice` is a window that the page signed; `keep` is the button that leaves everything as it is."""

    choice = HiddenField(_l("Fenster"), id="choice")
    keep = SubmitField()


class WaitingForm(Form):
    """Who waits, and where the car stands."""

    street = StringField(
        _l("Straße und Hausnummer"),
        filters=[trimmed],
        validators=[DataRequired(_l("Bitte nennen Sie Straße und Hausnummer.")), Length(max=200)],
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
    standing_limit = SelectField(_l("Ohne Rückfrage bis"), choices=[], coerce=int, default=0)
    early_start = BooleanField(_l("Frühere Arbeiten verlangen"))
    terms = BooleanField(_l("AGB"))

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.standing_limit.choices = [
            SelectChoice(eur * 100, formatting.eur(eur * 100) if eur else _l("0 EUR: immer fragen"))
            for eur in LIMITS_EUR
        ]

    def validate_email(self, field: Field) -> None:
        address = normalized_email(field.data or "")
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


NOT_A_DAY = _l("Bitte einen Tag wählen.")
MOST_DAYS = 31


class WhatIfForm(Form):
    """What is tried. Sent by GET, so that the address can be passed on."""

    class Meta(Form.Meta):
        csrf = False

    first = DateField(_l("Von"), validators=[InputRequired(NOT_A_DAY)])
    last = DateField(_l("Bis"), validators=[InputRequired(NOT_A_DAY)])
    jockeys = WholeNumberField(
        _l("Jockeys mehr oder weniger"),
        default=0,
        example="2",
        validators=[Optional(), NumberRange(-20, 20, _l("Bitte eine Zahl von -20 bis 20."))],
    )
    ronjas = WholeNumberField(
        _l("Ronjas mehr oder weniger"),
        default=0,
        example="2",
        validators=[Optional(), NumberRange(-50, 50, _l("Bitte eine Zahl von -50 bis 50."))],
    )
    places = WholeNumberField(
        _l("Plätze je Fenster"),
        example="10",
        validators=[Optional(), NumberRange(0, 100, _l("Bitte eine Zahl von 0 bis 100."))],
    )
    maximum = WholeNumberField(
        _l("Höchstens am Tag"),
        example="10",
        validators=[Optional(), NumberRange(0, 500, _l("Bitte eine Zahl von 0 bis 500."))],
    )
    closed = SelectMultipleField(_l("Diese Fenster schließen"), coerce=int, choices=[], validate_choice=False)
    opened = BooleanField(_l("Geschlossene Tage und Tage ohne Fenster öffnen"))

    def validate_last(self, field: Field) -> None:
        if field.data is None or self.first.data is None:
            return
        if field.data < self.first.data:
            raise ValidationError(_l("Das Ende liegt vor dem Anfang."))
        if (field.data - self.first.data).days >= MOST_DAYS:
            raise ValidationError(_l("Bitte höchstens 31 Tage auf einmal."))
