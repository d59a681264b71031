"""The shapes of what staff and customers send around moves with consent and the waiting list."""

from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    DateField,
    Field,
    HiddenField,
    SelectMultipleField,
    StringField,
    SubmitField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError

from b2c_web.forms import Form, WholeNumberField, trimmed


class AskForm(Form):
    """`same_day` is carried along from the page that led here."""

    reason = StringField(
        _l("Grund"), filters=[trimmed], validators=[Length(max=300, message=_l("Bitte kürzer, höchstens 300 Zeichen."))]
    )
    same_day = BooleanField(_l("Auch am selben Tag"))


class AnswerForm(Form):
    """`choice` is a window that the page signed; `keep` is the button that leaves everything as it is."""

    choice = HiddenField(_l("Fenster"), id="choice")
    keep = SubmitField()


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
    opened = BooleanField(_l("Geschlossene Tage öffnen, und solche ohne Fenster mit den üblichen"))

    def validate_last(self, field: Field) -> None:
        if field.data is None or self.first.data is None:
            return
        if field.data < self.first.data:
            raise ValidationError(_l("Das Ende liegt vor dem Anfang."))
        if (field.data - self.first.data).days >= MOST_DAYS:
            raise ValidationError(_l("Bitte höchstens 31 Tage auf einmal."))
