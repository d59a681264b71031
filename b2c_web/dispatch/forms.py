"""What dispatchers and jockeys send."""

from wtforms import HiddenField

from b2c_web.forms import Form


class StepForm(Form):
    status = HiddenField()  # the state that the page showed
