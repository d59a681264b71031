"""How values are shown to a person: money, days, windows, clock times, plates, phone numbers."""

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import phonenumbers
from babel.dates import format_date
from flask import Flask
from flask_babel import get_locale
from flask_babel import gettext as _
from jinja2 import pass_context
from markupsafe import Markup, escape

from b2c_web import money
from b2c_web.clock import today_in
from b2c_web.config import ZONE

NUMBER = re.compile(r"\b([A-Z]{2}-\d{4}-\d+)\b")


def language() -> str:
    """ "de" or "en": the language of this request or message."""
    locale = get_locale()
    return locale.language if locale else "de"


def eur(cents: int) -> str:
    return money.euro(cents, language())


def _local(value: datetime | date) -> date:
    return value.astimezone(ZONE).date() if isinstance(value, datetime) else value


@lru_cache(maxsize=4_096)  # a calendar names the same days on every page
def _date(value: date, pattern: str, locale: str) -> str:
    return format_date(value, pattern, locale)


def day(value: datetime | date) -> str:
    """ "Di, 24. Nov." or "Tue 24 Nov"."""
    if language() == "de":
        return _date(_local(value), "ccc, d. MMM", "de")  # ccc: without the point that German puts after EEE
    return _date(_local(value), "EEE d MMM", "en_GB")


def weekday(value: datetime | date) -> str:
    """ "Di" or "Tue"."""
    return _date(_local(value), "ccc" if language() == "de" else "EEE", "de" if language() == "de" else "en_GB")


def short_day(value: date) -> str:
    """ "24.11." or "24 Nov": for the axis of a chart."""
    return _date(value, "d.M." if language() == "de" else "d MMM", "de" if language() == "de" else "en_GB")


def long_day(value: datetime | date) -> str:
    """ "Dienstag, 24. November 2026"."""
    pattern = "EEEE, d. MMMM y" if language() == "de" else "EEEE d MMMM y"
    return _date(_local(value), pattern, "de" if language() == "de" else "en_GB")


def month(value: date) -> str:
    return _date(value, "LLLL y", language())


def clock(value: datetime) -> str:
    """ "10:41" in the workshop's zone."""
    return f"{value.astimezone(ZONE):%H:%M}"


def _hour(value: datetime) -> str:
    local = value.astimezone(ZONE)
    return f"{local.hour}:{local.minute:02d}" if local.minute else str(local.hour)


def window(start: datetime, end: datetime) -> str:
    """ "10–12 Uhr" or "10–12"."""
    span = f"{_hour(start)}–{_hour(end)}"
    return f"{span}\u00a0Uhr" if language() == "de" else _english_window(start, end)


def _english_window(start: datetime, end: datetime) -> str:
    return f"{clock(start)}–{clock(end)}"


def day_window(start: datetime, end: datetime) -> str:
    """ "Di, 24. Nov., 10–12 Uhr"."""
    return f"{day(start)}, {window(start, end)}"


def moment(value: datetime) -> str:
    """ "Di, 24. Nov., 19:12"."""
    return f"{day(value)}, {clock(value)}"


def when(value: datetime) -> str:
    """The clock alone for today, else with its day."""
    return clock(value) if _local(value) == today_in(ZONE) else moment(value)


def duration(minutes: int) -> str:
    """ "1 h", "1,5 h", "45 min", "2 h 5 min"."""
    if minutes < 60:
        return _("%(n)s min", n=minutes)
    if minutes % 30:
        return " ".join((duration(minutes - minutes % 60), duration(minutes % 60)))
    hours = f"{minutes / 60:g}"
    return _("%(n)s h", n=hours.replace(".", ",") if language() == "de" else hours)


def kilometres(km: int) -> str:
    """ "84.210 km" or "84,210 km"."""
    return f"{km:,}".replace(",", "." if language() == "de" else ",") + "\u00a0km"


def phone(number: str) -> str:
    """A stored +49... number as people write it; what cannot be parsed is shown as it is."""
    try:
        parsed = phonenumbers.parse(number, "DE")
    except phonenumbers.NumberParseException:
        return number
    kind = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(parsed, kind.NATIONAL if parsed.country_code == 49 else kind.INTERNATIONAL)


def whole_numbers(text: str) -> Markup:
    """Text in which a booking's or a document's number does not break at its hyphens, and can still be copied."""
    parts = NUMBER.split(text)
    whole = [Markup('<span class="nowrap">{}</span>').format(part) for part in parts[1::2]]
    return Markup("").join([escape(parts[0]), *(one + after for one, after in zip(whole, parts[2::2], strict=True))])


def masked_email(address: str) -> str:
    """ "r…@example.org": enough to recognise one's own address, too little to learn another's."""
    local, _at, domain = address.partition("@")
    return f"{local[:1]}…@{domain}"


FILTERS = (
    eur,
    day,
    short_day,
    long_day,
    month,
    clock,
    moment,
    when,
    duration,
    kilometres,
    phone,
    whole_numbers,
    masked_email,
)


def _each_time(show: Callable[..., Any]) -> Callable[..., Any]:
    """Jinja works out a filter on a constant once for all languages, when it compiles; not one that wants a context."""

    @pass_context
    def follow(_context: Any, *arguments: Any) -> Any:
        return show(*arguments)

    return follow


def init_app(app: Flask) -> None:
    for show in FILTERS:
        app.jinja_env.filters[show.__name__] = _each_time(show)
    app.jinja_env.filters["window"] = lambda pair: window(*pair)
    app.jinja_env.filters["day_window"] = lambda pair: day_window(*pair)
