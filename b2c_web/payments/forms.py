"""Shape of what a customer says about saved cards and accounts."""

from flask_babel import lazy_gettext as _l
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from b2c_web.forms import Form
from b2c_web.payments.setup_models import MethodKind


class KindForm(Form):
    kind = SelectField(_l("Zahlungsart"), choices=[SelectChoice(kind.value, kind.value) for kind in MethodKind])
