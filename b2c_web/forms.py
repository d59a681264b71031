"""Forms and the refusals of commands: both are shown in the same place, beside the field and summed on top."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Response
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateTimeLocalField, IntegerField, StringField, ValidationError
from wtforms.meta import DefaultMeta

from b2c_web import formatting, htmx
from b2c_web.config import ZONE
from b2c_web.errors import Busy, Conflict, DomainError, Invalid, NotAllowed, TooMany
from b2c_web.money import UnclearAmount, parse_euro

# one kind of sign within a number; \s holds the thin and the fixed blank too
IN_THOUSANDS = re.compile(r"\d{1,3}(?:([.,'’\s])\d{3})(?:\1\d{3})*")
BETWEEN_THOUSANDS = re.compile(r"[.,'’\s]")
YEARS = range(2000, 2100)
SHOWN_IN_THE_FORM = (Invalid, Conflict, NotAllowed, TooMany, Busy)


def trimmed(text: str | None) -> str | None:
    """Without blanks around it and without runs of blanks inside."""
    return " ".join(text.split()) if text else text


def plain_number(text: str) -> str:
    """Without the signs that part thousands and without "km"; what is grouped in another way stays as it is."""
    number = text.strip().removesuffix("km").strip()
    return BETWEEN_THOUSANDS.sub("", number) if IN_THOUSANDS.fullmatch(number) else number


class Form(FlaskForm):
    """A form that knows why it was refused, by its own shape or by the command behind it."""

    class Meta(FlaskForm.Meta):
        """The library's own words come from a catalogue that is read once per language, not once per request."""

        @property
        def locales(self) -> list[str]:
            return [formatting.language()]

        def get_translations(self, form: Any) -> Any:
            return DefaultMeta.get_translations(self, form)

    refusal: DomainError | None = None

    def refuse(self, refusal: DomainError) -> None:
        """Show a refusal at the field that it names, else on top only; those that came with it ("also") too."""
        self.refusal = refusal
        for one in self._refused_with():
            name = one.details.get("field")
            if name in self:
                self[name].errors = [*self[name].errors, one.message]
            else:
                self.form_errors.append(one.message)

    def _refused_with(self) -> list[DomainError]:
        return [self.refusal, *self.refusal.details.get("also", ())] if self.refusal else []

    def codes(self) -> set[str]:
        """Of all that the command refused."""
        return {one.code for one in self._refused_with()}

    def add_error(self, name: str, words: Any) -> None:
        """Say at the field `name` what a look-up behind the form found wrong."""
        self[name].errors = [*self[name].errors, words]

    def status_code(self) -> int:
        """200 while nothing is wrong, 422 for its shape, else what the command's refusal says."""
        if self.refusal:
            return self.refusal.status
        return 422 if self.errors else 200


class WholeNumberField(IntegerField):
    """A whole number as people write it, "84.512" and "84 512 km" too; our own words for what is none."""

    def __init__(self, *args: Any, example: str = "2019", **facts: Any) -> None:
        super().__init__(*args, **facts)
        self.example = example

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata([plain_number(text) for text in valuelist])
        except ValueError as error:
            raise ValueError(_l("Bitte als Zahl, zum Beispiel %(example)s.", example=self.example)) from error


class EuroField(StringField):
    """An amount as it was typed; `cents` is what it means to who reads the page's language, None when nothing."""

    @property
    def cents(self) -> int | None:
        try:
            return parse_euro(self.data or "", formatting.language())
        except ValueError:
            return None

    def pre_validate(self, form: Any) -> None:
        try:
            parse_euro(self.data or "", formatting.language())
        except UnclearAmount as error:
            words = _l("Höchstens zwei Nachkommastellen, zum Beispiel 189,99. Tausend Euro: 1000 oder 1.000.")
            raise ValidationError(words) from error
        except ValueError as error:
            raise ValidationError(_l("Bitte als Betrag, zum Beispiel 189,99.")) from error


class ActionForm(Form):
    """A button that asks for nothing but whether it was really meant."""


class MomentField(DateTimeLocalField):
    """A moment on the workshop's clock, to the minute. Refuses years in which nothing of ours can be."""

    data: datetime | None

    def __init__(self, *arguments: Any, **facts: Any) -> None:
        super().__init__(*arguments, format="%Y-%m-%dT%H:%M", **facts)

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata(valuelist)
        if self.data is not None and self.data.year not in YEARS:
            self.data = None
            raise ValueError(_l("Bitte prüfen Sie das Jahr."))

    @property
    def instant(self) -> datetime:
        """In UTC. Raises ValueError while the field is empty."""
        if self.data is None:
            raise ValueError("no moment")
        return self.data.replace(tzinfo=ZONE).astimezone(UTC)


def submitted(form: Form, act: Callable[[], Any]) -> bool:
    """Did the person send `form`, is it complete, and did the command `act` accept it?

    False: show the form (again); it holds the input and the reasons. NotFound goes its usual way.
    """
    if not form.validate_on_submit():
        return False
    try:
        act()
    except SHOWN_IN_THE_FORM as refusal:
        form.refuse(refusal)
        return False
    return True


def form_page(template: str, form: Form, **context: Any) -> Response:
    """The page around `form`, with the status that fits and with Retry-After where a limit was reached."""
    answer = htmx.render(template, status=form.status_code(), form=form, **context)
    wait = form.refusal.details.get("retry_after_seconds") if form.refusal else None
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer
