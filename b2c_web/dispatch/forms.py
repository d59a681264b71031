"""What dispatchers and jockeys send."""

import uuid
from datetime import datetime

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField, TimeField
from wtforms.validators import Length, Optional

from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.dispatch.deciding import Decision
from b2c_web.dispatch.models import CancelReason
from b2c_web.forms import Form, trimmed

BEST = ""


def _id(text: str | None) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None


class StepForm(Form):
    status = HiddenField()  # the state that the page showed


class DecisionForm(Form):
    """Jockey, time and Ronja of a trip; the time is on the window's day, in the workshop's zone."""

    seen = HiddenField()
    jockey_id = RadioField(_l("Jockey"))
    time = TimeField(_l("An der Tür um"), format="%H:%M", validators=[Optional()])
    ronja_id = RadioField(_l("Ronja"), validate_choice=False, validators=[Optional()])
    accepted = HiddenField()  # codes of what was shown, with blanks between
    anyway = BooleanField(_l("Trotzdem so einteilen"))

    def decision(self, window_start: datetime) -> Decision:
        arrival = None
        if self.time.data is not None:
            minutes = self.time.data.hour * 60 + self.time.data.minute
            arrival = local_to_utc(window_start.astimezone(ZONE).date(), minutes, ZONE)
        return Decision(_id(self.jockey_id.data), arrival, _id(self.ronja_id.data))

    def accepted_codes(self) -> list[str]:
        return (self.accepted.data or "").split() if self.anyway.data else []


class EndForm(Form):
    """Taking a trip off the plan."""

    seen = HiddenField()
    reason = RadioField(_l("Grund"))
    note = StringField(
        _l("Nachricht an den Kunden"),
        description=_l("Steht so in der Mail. Leer: der Grund in unseren Worten."),
        filters=[trimmed],
        validators=[Length(max=300)],
    )

    def why(self) -> CancelReason:
        return CancelReason(self.reason.data)


class ReturnWindowForm(Form):
    slot_id = SelectField(_l("Neues Fenster"))
