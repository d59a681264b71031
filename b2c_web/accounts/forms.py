"""The shapes of what people enter about themselves."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, EmailField, Field, HiddenField, PasswordField, SelectField, StringField, TelField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length, Optional, Regexp, ValidationError

from b2c_web.accounts import rules
from b2c_web.accounts.contact import with_house_number
from b2c_web.forms import Form, trimmed

LANGUAGES = [SelectChoice("de", "Deutsch"), SelectChoice("en", "English")]


def _an_email(form: Form, field: Field) -> None:
    if rules.normalized_email(field.data) is None:
        raise ValidationError(_l("So sieht eine Adresse aus: name@example.org"))


class EmailForm(Form):
    email = EmailField(
        _l("E-Mail-Adresse"),
        filters=[trimmed],
        validators=[DataRequired(_l("Bitte geben Sie Ihre E-Mail-Adresse ein.")), Length(max=254), _an_email],
    )
    next = HiddenField()

    @property
    def address(self) -> str:
        return rules.normalized_email(self.email.data) or ""


class PasswordLoginForm(EmailForm):
    password = PasswordField(_l("Passwort"), validators=[DataRequired(_l("Bitte geben Sie Ihr Passwort ein."))])


class ProfileForm(Form):
    name = StringField(
        _l("Name"),
        filters=[trimmed],
        validators=[Optional(), Length(max=120, message=_l("Bitte höchstens %(max)d Zeichen."))],
    )
    phone = TelField(_l("Telefon"), filters=[trimmed])
    language = SelectField(_l("Sprache unserer Nachrichten"), choices=LANGUAGES)

    def validate_phone(self, field: Field) -> None:
        if field.data and self.phone_number is None:
            raise ValidationError(_l("Diese Nummer kennen wir so nicht. Ein Beispiel: 02302 123456"))

    @property
    def phone_number(self) -> str | None:
        return rules.phone_in_e164(self.phone.data) if self.phone.data else None


class PasswordForm(Form):
    current = PasswordField(_l("Bisheriges Passwort"))
    password = PasswordField(_l("Neues Passwort"), validators=[DataRequired(_l("Bitte geben Sie ein Passwort ein."))])


class PasswordRemovalForm(Form):
    current = PasswordField(_l("Bisheriges Passwort"))


class AddressForm(Form):
    street = StringField(
        _l("Straße und Hausnummer"),
        filters=[trimmed],
        validators=[
            DataRequired(_l("Bitte geben Sie Straße und Hausnummer ein.")),
            Length(max=120, message=_l("Bitte höchstens %(max)d Zeichen.")),
            with_house_number,
        ],
    )
    postal_code = StringField(
        _l("Postleitzahl"),
        filters=[trimmed],
        validators=[
            DataRequired(_l("Bitte geben Sie die Postleitzahl ein.")),
            Regexp(r"[0-9]{5}\Z", message=_l("Eine Postleitzahl hat fünf Ziffern.")),
        ],
    )
    city = StringField(
        _l("Ort"),
        filters=[trimmed],
        validators=[
            DataRequired(_l("Bitte geben Sie den Ort ein.")),
            Length(max=120, message=_l("Bitte höchstens %(max)d Zeichen.")),
        ],
    )
    is_default = BooleanField(_l("Zuerst vorschlagen"))

    def facts(self) -> dict[str, Any]:
        return {name: self[name].data for name in ("street", "postal_code", "city", "is_default")}
