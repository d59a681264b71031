"""The shapes of an extension's forms. Amounts and quantities stay as they were typed until they are read."""

import re
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    Field,
    FieldList,
    FormField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms import Form as PlainForm
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional, ValidationError
from wtforms.widgets import HiddenInput

from b2c_web.errors import DomainError
from b2c_web.extensions import rules
from b2c_web.forms import EuroField, Form, MomentField, trimmed

MOST_DIGITS = 10
QUANTITY = re.compile(r"\d{1,5}([.,]\d{1,3})?")
REASONS = {
    "": _l("Bitte wählen"),
    "too_expensive": _l("Zu teuer"),
    "elsewhere": _l("Lasse ich woanders machen"),
    "not_now": _l("Jetzt nicht"),
}


def stripped(text: str | None) -> str:
    return text.strip() if text else ""


def read_quantity(text: str) -> Decimal:
    """A quantity as a person types it, "1,5" or "1.5", up to three decimals. Raises ValueError for anything else."""
    cleaned = text.strip()
    if not QUANTITY.fullmatch(cleaned):
        raise ValueError(f"not a quantity: {text!r}")
    return Decimal(cleaned.replace(",", "."))


def ids_of(texts: Iterable[str]) -> list[uuid.UUID]:
    """The ids among `texts`; what is no id is left out."""
    found = []
    for text in texts:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found


class IdsField(Field):
    """The ids of things that were chosen or uploaded; what is no id is left out."""

    widget = HiddenInput()
    refused: Sequence[str] = ()  # why files that were chosen here were not taken, in words

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = [str(one) for one in ids_of(valuelist)]

    def pre_validate(self, form: Any) -> None:
        if self.refused:
            raise ValidationError(" ".join(self.refused))

    @property
    def ids(self) -> list[uuid.UUID]:
        return ids_of(self.data or [])


class QuantityField(StringField):
    """How much, as it was typed; `amount` is what it means, None when it means nothing."""

    @property
    def amount(self) -> Decimal | None:
        try:
            return read_quantity(self.data or "")
        except ValueError:
            return None

    def pre_validate(self, form: Any) -> None:
        if self.amount is None:
            raise ValidationError(_l("Bitte als Zahl mit höchstens drei Nachkommastellen, zum Beispiel 1,5."))


TIME_FIELDS = ("new_return_slot_id", "new_promised_at")


class LineForm(PlainForm):
    """One item of an offer."""

    name = StringField(
        _l("Arbeit oder Teil"),
        filters=[trimmed],
        validators=[InputRequired(_l("Bitte nennen Sie die Arbeit.")), Length(max=120)],
    )
    description = StringField(_l("Warum, in einem Satz"), filters=[trimmed], validators=[Length(max=300)])
    quantity = QuantityField(_l("Menge"), filters=[stripped])
    price = EuroField(_l("Einzelpreis in EUR"), filters=[stripped])
    media = IdsField(_l("Fotos"))
    work_item = HiddenField()
    wish = HiddenField()  # the customer's wish that it takes up

    def validate_quantity(self, field: QuantityField) -> None:
        if field.amount is not None and (wrong := rules.quantity_error(field.amount)):
            raise ValidationError(wrong)

    def validate_price(self, field: EuroField) -> None:
        if field.cents is not None and (wrong := rules.price_error(field.cents)):
            raise ValidationError(wrong)

    @property
    def is_blank(self) -> bool:
        return not (self.name.data or self.price.data or self.description.data or self.media.data)


def _named(field: Field) -> str:
    """What is wrong, with the field's label in front; a label that asks needs no colon."""
    label = str(field.label.text)
    return f"{label}{'' if label.endswith('?') else ':'} {field.errors[0]}"


class OfferForm(Form):
    """What the workshop offers. `content()` is all of it as it was typed, for the draft."""

    description = TextAreaField(
        _l("Was haben Sie gefunden?"),
        filters=[stripped],
        validators=[InputRequired(_l("Bitte sagen Sie in einem Satz, was Sie gefunden haben.")), Length(max=2000)],
    )
    items = FieldList(FormField(LineForm), label=_l("Punkte"), max_entries=rules.MOST_ITEMS)
    urgent = BooleanField(_l("Dringend"))
    media = IdsField(_l("Fotos"))
    new_return_slot_id = SelectField(_l("Neues Rückgabefenster"), choices=[], validate_choice=False)
    new_promised_at = MomentField(_l("Fertig spätestens"), validators=[Optional()])
    delay_reason = StringField(_l("Warum später?"), filters=[trimmed], validators=[Length(max=300)])
    draft_key = HiddenField(validators=[Length(max=36)])
    time_field = "new_return_slot_id"  # where the page asks for the new time

    def validate_items(self, field: Any) -> None:
        if not field.entries:
            raise ValidationError(_l("Bitte nehmen Sie mindestens einen Punkt ins Angebot."))

    def validate_delay_reason(self, field: StringField) -> None:
        if (self.new_return_slot_id.data or self.new_promised_at.data) and not field.data:
            raise ValidationError(_l("Bitte nennen Sie dem Kunden den Grund."))

    def refuse(self, refusal: DomainError) -> None:
        """A refusal of one item is shown at its name, "items-2"; one of the new time where the page asks for it."""
        if refusal.details.get("field") in TIME_FIELDS:
            refusal.details["field"] = self.time_field
        name, _dash, number = str(refusal.details.get("field", "")).partition("-")
        if name != "items" or not number.isdecimal() or int(number) >= len(self.items.entries):
            super().refuse(refusal)
            return
        self.refusal, line = refusal, self.items.entries[int(number)].form
        line.name.errors = [*line.name.errors, refusal.message]

    def mistakes(self) -> list[tuple[str, Any]]:
        """(id of what to go to, words) of everything that is wrong, in the order of the page."""
        plain = [field for field in self if field is not self.items and field.errors]
        found: list[tuple[str, Any]] = [("", words) for words in self.form_errors]
        found += [(field.id, _named(field)) for field in plain]
        found += [("catalog", words) for words in self.items.errors if not isinstance(words, dict)]
        for number, entry in enumerate(self.items, start=1):
            found += [(field.id, f"{number}. {_named(field)}") for field in entry.form if field.errors]
        return found

    def drop_blank_lines(self) -> None:
        """A line in which nobody wrote anything is no mistake."""
        self.items.entries = [entry for entry in self.items.entries if not entry.form.is_blank]

    @property
    def photo_fields(self) -> list[IdsField]:
        """Where photos can be chosen: of the whole, then of each item."""
        return [self.media, *(entry.form.media for entry in self.items)]

    @property
    def slot_id(self) -> uuid.UUID | None:
        return next(iter(ids_of([self.new_return_slot_id.data or ""])), None)

    @property
    def promised_at(self) -> datetime | None:
        """The new promised instant."""
        return self.new_promised_at.instant if self.new_promised_at.data else None

    def content(self) -> dict[str, Any]:
        names = ("name", "description", "quantity", "price", "media", "work_item", "wish")
        promised = self.new_promised_at.data
        return {
            "description": self.description.data or "",
            "items": [{name: entry.form[name].data or "" for name in names} for entry in self.items],
            "urgent": bool(self.urgent.data),
            "media": self.media.data or [],
            "new_return_slot_id": self.new_return_slot_id.data or "",
            "new_promised_at": promised.isoformat() if promised else "",
            "delay_reason": self.delay_reason.data or "",
            "draft_key": self.draft_key.data or "",
        }


class ShownForm(Form):
    """A decision about all of an extension, and what was shown."""

    shown = HiddenField()


class SumForm(ShownForm):
    """A decision with the sum that its button named."""

    amount_cents = HiddenField()

    def said(self) -> int | None:
        """The sum that the person read on the button; None when the button named none."""
        text = self.amount_cents.data or ""
        return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else None


class ItemsForm(SumForm):
    """Ticked items of an extension."""

    item = SelectMultipleField(_l("Was sollen wir machen?"), choices=[], coerce=int, validate_choice=False)


class RefusalForm(ShownForm):
    reason = SelectField(_l("Grund"), choices=[SelectChoice(*one) for one in REASONS.items()], default="")
    words = StringField(
        _l("In Ihren Worten"), id="refusal-words", filters=[trimmed], validators=[Length(max=300)]
    )  # beside a question on one page

    def said(self) -> str:
        """The reason as it is kept: the chosen one, the customer's own words, or both."""
        chosen = str(REASONS[self.reason.data]) if self.reason.data else ""
        return ". ".join(filter(None, (chosen, self.words.data)))


class WordsForm(Form):
    """A question, an answer, a reason: one text."""

    words = TextAreaField(
        _l("Ihre Frage"),
        filters=[stripped],
        validators=[InputRequired(_l("Bitte schreiben Sie etwas.")), Length(max=1000)],
    )


class WishesForm(Form):
    """What the customer would like done this time, by `OpenItem.key`."""

    wish = SelectMultipleField(_l("Beim letzten Mal noch offen"), choices=[], validate_choice=False)


class ConsentForm(ItemsForm):
    channel = RadioField(
        _l("Auf welchem Weg?"),
        choices=[SelectChoice(*one) for one in rules.CHANNELS.items()],
        validators=[InputRequired(_l("Bitte wählen Sie."))],
    )
    name = StringField(
        _l("Wer hat zugestimmt?"),
        filters=[trimmed],
        validators=[InputRequired(_l("Bitte nennen Sie den Namen.")), Length(max=120)],
    )
    at = MomentField(_l("Wann?"), validators=[InputRequired(_l("Bitte nennen Sie den Zeitpunkt."))])
    words = TextAreaField(
        _l("Was wurde gesagt?"),
        filters=[stripped],
        validators=[InputRequired(_l("Bitte halten Sie fest, was gesagt wurde.")), Length(max=1000)],
    )


class NotDoneForm(Form):
    """At completion: accepted items that were not done, as "extension id:index", and the sum on the button."""

    not_done = SelectMultipleField(choices=[], validate_choice=False)
    amount_cents = HiddenField()


class MethodForm(Form):
    method = RadioField(_l("Zahlungsart"), choices=[], validators=[InputRequired(_l("Bitte wählen Sie."))])
