"""The calendar as the page shows it: a month of days, the chosen day's windows, the return windows."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from flask import current_app

from b2c_web.bookings.availability import Answer, Day, Question, availability
from b2c_web.bookings.places import instant
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.workshops.rules import Block, DayState, Offer, Window


@dataclass(frozen=True, slots=True)
class Choice:
    """What the address bar says: month shown, day and windows chosen."""

    month: date | None = None
    day: date | None = None
    slot: uuid.UUID | None = None
    back: uuid.UUID | None = None

    @classmethod
    def read(
        cls, arguments: Mapping[str, str], slot: uuid.UUID | None = None, back: uuid.UUID | None = None
    ) -> "Choice":
        """From query arguments; what cannot be read counts as not given. `slot`, `back`: chosen before."""
        chosen = _uuid(arguments.get("slot"))
        day = _date(arguments.get("day"))
        if chosen is None and day is None:
            chosen, back = slot, _uuid(arguments.get("back")) or back
        else:
            back = _uuid(arguments.get("back"))
        return cls(_date(arguments.get("month")), day, chosen, back)


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of the month; `href` only when it can be chosen."""

    number: int
    state: str
    places: int
    href: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class WindowLine:
    """One window that can be picked, or not: `state` is free, few or full."""

    slot_id: uuid.UUID
    start: datetime
    end: datetime
    state: str
    places: int
    chosen: bool


@dataclass(slots=True)
class CalendarView:
    """All that `bookings/_date.html` needs."""

    month: date
    weeks: list[list[Cell | None]]
    previous_href: str
    next_href: str
    base_href: str
    day: date | None
    windows: list[WindowLine] = field(default_factory=list)
    returns: list[WindowLine] = field(default_factory=list)
    next_free: WindowLine | None = None
    next_return: WindowLine | None = None
    next_href_taken: str = ""
    concierge: bool = True
    total_cents: int = 0
    service_minutes: int = 0
    picked: WindowLine | None = None
    has_places: bool = True


def ask(question: Question) -> Answer:
    """The whole horizon in one question, so that every month is there and the next free window is known."""
    today = today_in(ZONE)
    return availability(question, today, today + timedelta(days=current_app.config["HORIZON_DAYS"]))


def build(answer: Answer, question: Question, choice: Choice, base_href: str) -> CalendarView:
    """The view of `answer` for what was chosen. Pure: the same answer and choice give the same page."""
    by_day = {day.day: day for day in answer.days}
    first = answer.next_free()
    chosen = answer.with_returns(choice.slot) if choice.slot else None
    day = _shown_day(choice, chosen, first)
    month = (choice.month or day or answer.days[0].day).replace(day=1)
    view = CalendarView(
        month=month,
        weeks=_weeks(month, by_day, day, base_href),
        previous_href=_month_href(base_href, month - timedelta(days=1), answer.days[0].day, answer.days[-1].day),
        next_href=_month_href(base_href, month + timedelta(days=31), answer.days[0].day, answer.days[-1].day),
        base_href=base_href,
        day=day,
        concierge=question.concierge,
        total_cents=answer.total_cents,
        service_minutes=answer.price.duration_minutes,
        has_places=first is not None,
    )
    _add_windows(view, by_day, choice, chosen)
    if first is not None:
        view.next_free = _line(first, False)
        view.next_return = _return_lines(first, None)[0] if first.returns else None
        view.next_href_taken = f"{base_href}?{urlencode({'slot': first.window.slot_id})}"
    return view


def _shown_day(choice: Choice, chosen: Offer | None, first: Offer | None) -> date | None:
    if choice.day is not None:
        return choice.day
    if chosen is not None:
        return chosen.window.day
    return first.window.day if first is not None and choice.month in (None, first.window.day.replace(day=1)) else None


def _add_windows(view: CalendarView, by_day: Mapping[date, Day], choice: Choice, chosen: Offer | None) -> None:
    day = by_day.get(view.day) if view.day else None
    if day is None:
        return
    shown = [
        offer
        for offer in day.offers
        if offer.block not in (Block.CLOSED, Block.HOLIDAY, Block.LEAD_TIME, Block.HORIZON)
    ]
    view.windows = [_line(offer, offer.window.slot_id == choice.slot and offer.block is None) for offer in shown]
    view.picked = next((line for line in view.windows if line.chosen), None)
    if chosen is not None and chosen.block is None:
        view.returns = _return_lines(chosen, choice.back)


def _line(offer: Offer, chosen: bool) -> WindowLine:
    few = offer.places <= current_app.config["FEW_LEFT_PLACES"]
    state = "full" if offer.block is not None else ("few" if few else "free")
    return _window_line(offer.window, state, offer.places, chosen)


def _window_line(window: Window, state: str, places: int, chosen: bool) -> WindowLine:
    return WindowLine(window.slot_id, instant(window.start), instant(window.end), state, places, chosen)


def _return_lines(offer: Offer, back: uuid.UUID | None) -> list[WindowLine]:
    """The return windows; the chosen one, else the first, is ticked."""
    ids = [option.window.slot_id for option in offer.returns]
    ticked = back if back in ids else (ids[0] if ids else None)
    return [
        _window_line(option.window, "free", option.ronjas_free, option.window.slot_id == ticked)
        for option in offer.returns
    ]


STATES = {DayState.FREE: "free", DayState.FEW: "few", DayState.FULL: "full", DayState.CLOSED: "closed"}


def _weeks(month: date, by_day: Mapping[date, Day], chosen: date | None, base_href: str) -> list[list[Cell | None]]:
    cells: list[Cell | None] = [None] * month.weekday()
    day = month
    while day.month == month.month:
        cells.append(_cell(day, by_day.get(day), chosen, base_href))
        day += timedelta(days=1)
    cells += [None] * (-len(cells) % 7)
    return [cells[n : n + 7] for n in range(0, len(cells), 7)]


def _cell(day: date, known: Day | None, chosen: date | None, base_href: str) -> Cell:
    state = STATES[known.state] if known else "closed"
    open_day = state in ("free", "few")
    href = f"{base_href}?day={day.isoformat()}" if open_day else ""
    return Cell(day.day, state, known.places if known else 0, href, day == chosen)


def _month_href(base_href: str, target: date, first: date, last: date) -> str:
    """The neighbouring month's address, or nothing when the calendar does not reach it."""
    target = target.replace(day=1)
    if not first.replace(day=1) <= target <= last:
        return ""
    return f"{base_href}?month={target.isoformat()}"
