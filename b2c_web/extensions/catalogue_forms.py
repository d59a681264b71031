"""The shape of one entry in the catalogue of usual work."""

from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from b2c_web.catalog.models import ServiceType
from b2c_web.catalog.texts import TEXTS
from b2c_web.extensions.cataloguing import UsualWork
from b2c_web.extensions.forms import EuroField, QuantityField, stripped
from b2c_web.forms import Form, trimmed


class WorkItemForm(Form):
    name = StringField(
        _l("Arbeit oder Teil"),
        filters=[trimmed],
        validators=[InputRequired(_l("Bitte nennen Sie die Arbeit.")), Length(max=120)],
    )
    name_en = StringField(_l("Arbeit oder Teil auf Englisch"), filters=[trimmed], validators=[Length(max=120)])
    service = SelectField(_l("Üblich bei"), choices=[])
    quantity = QuantityField(_l("Übliche Menge"), filters=[stripped])
    price = EuroField(_l("Einzelpreis in EUR"), filters=[stripped])
    description = StringField(_l("Was der Kunde dazu liest"), filters=[trimmed], validators=[Length(max=300)])

    description_en = StringField(
        _l("Was der Kunde dazu auf Englisch liest"), filters=[trimmed], validators=[Length(max=300)]
    )

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        services = [SelectChoice(kind.value, text.name) for kind, text in TEXTS.items()]
        self.service.choices = [SelectChoice("", _l("jedem Service")), *services]

    def work(self) -> UsualWork:
        """What a complete form says."""
        return UsualWork(
            name=self.name.data or "",
            price_cents=self.price.cents or 0,
            service=ServiceType(self.service.data) if self.service.data else None,
            quantity=self.quantity.amount or Decimal(0),
            description=self.description.data or "",
            name_en=self.name_en.data or "",
            description_en=self.description_en.data or "",
        )
