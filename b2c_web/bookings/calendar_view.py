"""The calendar as the page shows it: a month of days, the chosen day's windows, the return windows.

Every word and address that a cell needs is made here once, so that the template only writes it down.
Addresses are relative ("?day=..."): the same fragment serves booking and moving.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from b2c_web import formatting
from b2c_web.bookings.availability import Answer, Day, Question, judged, read_facts
from b2c_web.bookings.calendar_choice import Choice
from b2c_web.bookings.counters import held_by
from b2c_web.bookings.models import Booking
from b2c_web.bookings.places import GONE_BY, TAKEN, TOO_LATE, drop_off_ready_at, instant
from b2c_web.bookings.plan_rows import Rows
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.workshops.rules import Block, DayState, Offer, Window


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of the month; `query` only when it can be chosen."""

    number: int
    state: str
    word: str
    query: str
    chosen: bool
    own: bool = False  # of the booking that moves


@dataclass(frozen=True, slots=True)
class WindowLine:
    """One window, to be picked or not: `state` is free, few or full, `text` "10–12 Uhr", `note` "noch 1 Platz"."""

    slot_id: uuid.UUID
    start: datetime
    end: datetime
    state: str
    text: str
    note: str
    chosen: bool = False

    @property
    def day(self) -> str:
        return formatting.day(self.start)

    @property
    def day_text(self) -> str:
        return f"{self.day}, {self.text}"


@dataclass(slots=True)
class CalendarView:
    """All that `bookings/_date.html` needs. `gone`: what is said when the window asked for cannot be promised any more.

    `asks_back`: a pickup was sent, and the return windows are shown for the first time (without script).
    """

    month: date
    weeks: list[list[Cell | None]]
    previous_query: str
    next_query: str
    day: date | None
    windows: list[WindowLine] = field(default_factory=list)
    returns: list[WindowLine] = field(default_factory=list)
    picked: WindowLine | None = None
    gone: Any = ""
    asks_back: bool = False
    alternatives: list[WindowLine] = field(default_factory=list)
    full: bool = False  # nothing is free, the own date neither
    next_free: WindowLine | None = None
    next_return: WindowLine | None = None
    ready_at: datetime | None = None
    concierge: bool = True
    total_cents: int = 0
    service_minutes: int = 0
    waiting: bool = False  # full days can be chosen, to wait for them
    day_is_full: bool = False
    still_fits: bool = False  # what was chosen before, for something else
    day_is_near: bool = False  # open, but within the lead time

    @property
    def note(self) -> str:
        """What stands below the price: also the return, which is ticked by itself and may lie out of sight."""
        if self.picked is None:
            return _("noch ohne Termin")
        if self.back is None:
            return self.picked.day_text
        back = self.back.text if self.back.day == self.picked.day else self.back.day_text
        return _("%(pickup)s, zurück %(back)s", pickup=self.picked.day_text, back=back)

    @property
    def shows_own(self) -> bool:
        """Is the day of the booking that moves among those shown?"""
        return any(cell.own for week in self.weeks for cell in week if cell)

    @property
    def back(self) -> WindowLine | None:
        """The return window that is ticked."""
        return next((line for line in self.returns if line.chosen), None)


def ask(question: Question, moving: Booking | None = None) -> Answer:
    """The whole horizon in one question, so that every month is there and the next free window is known.

    `moving`: the booking that asks, with what it holds counted as free, since it gives that back.
    """
    today = today_in(ZONE)
    facts = read_facts(question, today, today + timedelta(days=current_app.config["HORIZON_DAYS"]))
    if moving is None:
        return judged(facts)
    rows = Rows(facts.windows, facts.plans).without(moving, held_by([moving.id])[0])
    return judged(replace(facts, windows=rows.windows, plans=rows.plans))


def build(
    answer: Answer, question: Question, choice: Choice, *, waiting: bool = False, moving: Booking | None = None
) -> CalendarView:
    """The view of `answer` for what was chosen: the same answer, choice and language give the same page.

    `waiting`: full days can be chosen too, and lead to the waiting list. `moving`: the booking that moves; its windows
    are marked and not offered as the next; its pickup can be chosen all the same, with another return.
    """
    first, nearest = answer.next_free(moving.slot_id if moving else None), answer.next_free()
    chosen = answer.with_returns(choice.slot) if choice.slot else None
    day = _shown_day(choice, chosen, first or nearest, answer)
    shown = answer.on(day) if day else None
    month = _shown_month(choice.month or day, answer)
    kept = f"&slot={choice.slot}" if chosen is not None and chosen.block is None else ""
    view = CalendarView(
        month=month,
        weeks=_weeks(month, answer, day, waiting, moving),
        previous_query=_month_query(month - timedelta(days=1), answer, kept),
        next_query=_month_query(month + timedelta(days=31), answer, kept),
        day=day,
        concierge=question.concierge,
        total_cents=answer.total_cents,
        service_minutes=answer.price.duration_minutes,
        waiting=waiting,
        full=nearest is None,
        day_is_full=shown is not None and shown.state is DayState.FULL,
    )
    _add_windows(view, shown, choice, chosen)
    _mark_own(view, moving)
    _add_next_free(view, first)
    if choice.slot and view.picked is None:
        _add_alternatives(view, answer, choice, chosen, moving)
    if view.picked and chosen and not question.concierge:
        view.ready_at = instant(drop_off_ready_at(answer.judge.windows, chosen.window, answer.judge.order))
    return view


def _shown_month(wanted: date | None, answer: Answer) -> date:
    """The first of the month wanted, as near to it as the calendar reaches."""
    first, last = answer.days[0].day, answer.days[-1].day
    return min(max(wanted or first, first), last).replace(day=1)


def _shown_day(choice: Choice, chosen: Offer | None, first: Offer | None, answer: Answer) -> date | None:
    if choice.day and answer.on(choice.day):
        return choice.day
    if chosen is not None:
        return chosen.window.day
    return first.window.day if first is not None and choice.month in (None, first.window.day.replace(day=1)) else None


FITS_NO_MORE = _l("Mit dieser Wahl ist Ihr bisheriges Fenster nicht zu haben.")
NOT_SHOWN = (Block.CLOSED, Block.HOLIDAY, Block.LEAD_TIME, Block.HORIZON)


def _add_windows(view: CalendarView, day: Day | None, choice: Choice, chosen: Offer | None) -> None:
    if day is None:
        return
    shown = [offer for offer in day.offers if offer.block not in NOT_SHOWN]
    view.windows = [_line(offer, offer.window.slot_id == choice.slot and offer.block is None) for offer in shown]
    view.day_is_near = not shown and any(offer.block is Block.LEAD_TIME for offer in day.offers)
    view.picked = next((line for line in view.windows if line.chosen), None)
    view.still_fits = choice.before and view.picked is not None
    if chosen is not None and view.picked is not None:
        view.returns = _return_lines(chosen, choice.back)


def _mark_own(view: CalendarView, moving: Booking | None) -> None:
    if moving is None:
        return
    words = _("Ihr Termin")
    view.windows = [replace(one, note=words) if one.slot_id == moving.slot_id else one for one in view.windows]
    view.returns = [
        replace(one, note=f"{one.note}, {words}") if one.slot_id == moving.return_slot_id else one
        for one in view.returns
    ]


def _add_next_free(view: CalendarView, first: Offer | None) -> None:
    if first is not None:
        view.next_free = _line(first)
        view.next_return = _return_lines(first, None)[0] if first.returns else None


def _add_alternatives(
    view: CalendarView, answer: Answer, choice: Choice, chosen: Offer | None, moving: Booking | None
) -> None:
    if chosen is not None and chosen.block is None:
        return  # it can be had, and another day is shown
    view.gone = GONE_BY.get(chosen.block, TAKEN) if chosen is not None and chosen.block else TOO_LATE
    if choice.before:
        view.gone = FITS_NO_MORE
    around = chosen.window.start if chosen is not None else 0
    view.alternatives = [
        _line(offer) for offer in answer.alternatives(around, without=moving.slot_id if moving else None)
    ]


def _line(offer: Offer, chosen: bool = False) -> WindowLine:
    if offer.block is not None:
        return _window_line(offer.window, "full", _("voll"), chosen)
    if offer.places > current_app.config["FEW_LEFT_PLACES"]:
        return _window_line(offer.window, "free", _("frei"), chosen)
    words = ngettext("noch %(num)s Platz", "noch %(num)s Plätze", offer.places)
    return _window_line(offer.window, "few", words, chosen)


def _window_line(window: Window, state: str, note: str, chosen: bool) -> WindowLine:
    start, end = instant(window.start), instant(window.end)
    return WindowLine(window.slot_id, start, end, state, formatting.window(start, end), note, chosen)


def _return_lines(offer: Offer, back: uuid.UUID | None) -> list[WindowLine]:
    """The return windows; the chosen one, else the first, is ticked."""
    ids = [option.window.slot_id for option in offer.returns]
    ticked = back if back in ids else (ids[0] if ids else None)
    days = {option.window.day: formatting.day(option.window.day) for option in offer.returns}
    return [
        _window_line(option.window, "free", days[option.window.day], option.window.slot_id == ticked)
        for option in offer.returns
    ]


STATES = {DayState.FREE: "free", DayState.FEW: "few", DayState.FULL: "full", DayState.CLOSED: "closed"}


def _weeks(
    month: date, answer: Answer, chosen: date | None, waiting: bool, moving: Booking | None
) -> list[list[Cell | None]]:
    """The month's weeks, Monday to Sunday; those that are over are left out."""
    today, own = today_in(ZONE), moving.slot.service_date if moving else None
    day = max(month, today - timedelta(days=today.weekday()))
    words = {"free": _("frei"), "full": _("voll"), "closed": _("zu"), "few": _("%(n)s frei", n="#")}
    cells: list[Cell | None] = [None] * day.weekday()
    choosable = ("free", "few", "full") if waiting else ("free", "few")
    while day.month == month.month:
        over = Cell(day.day, "closed", "", "", chosen=False)  # without a word: it was not closed
        cell = _cell(day, answer.on(day), words, chosen=day == chosen, choosable=choosable)
        cell = replace(cell, own=True) if day == own else cell
        cells.append(over if day < today else cell)
        day += timedelta(days=1)
    cells += [None] * (-len(cells) % 7)
    return [cells[n : n + 7] for n in range(0, len(cells), 7)]


def _cell(day: date, known: Day | None, words: Mapping[str, str], *, chosen: bool, choosable: Sequence[str]) -> Cell:
    state = STATES[known.state] if known else "closed"
    word = words[state].replace("#", str(known.places)) if known else words["closed"]
    if known and known.block is Block.LEAD_TIME:
        word = ""  # as a day that is over: it is not closed
    query = f"day={day.isoformat()}" if state in choosable else ""
    return Cell(day.day, state, word, query, chosen)


def _month_query(target: date, answer: Answer, kept: str) -> str:
    """The neighbouring month, or nothing when the calendar does not reach it. `kept`: what stays chosen."""
    target = target.replace(day=1)
    if not answer.days[0].day.replace(day=1) <= target <= answer.days[-1].day:
        return ""
    return f"month={target.isoformat()}{kept}"
