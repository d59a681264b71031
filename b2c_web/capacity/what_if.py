"""What if: the effect of fewer or more jockeys, Ronjas, windows or places, judged in memory. Nothing is saved.

Everything that is promised for the days, returns of cars that are with us included, is promised again on the changed
rows (`what_if_replay`). Whom the judge refuses now, and did not refuse on the unchanged rows, is a promise that would
break. Free places are counted on the rows as customers would find them once the change is made.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from b2c_web.bookings.availability import FAR_FUTURE, Question, order_of
from b2c_web.bookings.models import Booking
from b2c_web.bookings.places import instant
from b2c_web.bookings.plan_rows import Rows, spans_of
from b2c_web.capacity.what_if_reads import Promised, promised_in, shifts_of
from b2c_web.capacity.what_if_replay import in_closed, kept, limit_of, places_of, why_closed
from b2c_web.capacity.what_if_shifts import Assumed, Shift, assumed_shifts, fewer_or_more, rooms
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.workshops.generation import each_day, local_day, possible, window_row
from b2c_web.workshops.rules import RETURN_LOOKAHEAD_DAYS, Block, Limit, Order, RonjaPlan, Window
from b2c_web.workshops.template_commands import wall_minutes
from b2c_web.workshops.template_store import weeks_of
from b2c_web.workshops.weekly import DayPlan


@dataclass(frozen=True, slots=True)
class Change:
    """What is tried between two days; None leaves as it is. `closed`: windows by wall-clock start, in minutes;
    `opened`: days that are closed or have no windows take bookings, as when staff open them.
    """

    first: date
    last: date
    jockeys: int = 0
    ronjas: int = 0
    places_per_window: int | None = None
    day_maximum: int | None = None
    closed: frozenset[int] = frozenset()
    opened: bool = False

    @property
    def resources(self) -> set[Limit]:
        """What there would be more or less of."""
        changed = {
            Limit.DAY: self.opened or self.day_maximum is not None,
            Limit.BAYS: self.closed or self.opened or self.places_per_window is not None,
            Limit.JOCKEYS: self.jockeys,
            Limit.RONJAS: self.ronjas,
        }
        return {limit for limit, is_changed in changed.items() if is_changed}

    def touches(self, day: date) -> bool:
        """Is it one of the days?"""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that would not hold, and what is missing; or one in a closed window, which holds. `is_return`: it is
    about the way home, of a car that is with us when it breaks.
    """

    booking: Booking
    block: Block
    window: tuple[datetime, datetime]
    is_return: bool

    @property
    def day(self) -> date:
        return local_day(self.window[0])


@dataclass(frozen=True, slots=True)
class DayEffect:
    """Further bookings that one day could take, before and after: fetched by us, and brought by customers. `limit`:
    the bottleneck then for those that we fetch.
    """

    day: date
    fetched_before: int
    fetched_after: int
    brought_before: int
    brought_after: int
    broken: list[Broken]
    limit: Limit | None

    def kept_by(self, resources: Collection[Limit]) -> Limit | None:
        """The bottleneck on account of which a change of these resources neither gains nor loses a place here."""
        if not resources or self.limit in resources or self.fetched_before != self.fetched_after:
            return None
        return self.limit


@dataclass(frozen=True, slots=True)
class Effect:
    """`broken`: by the change; `broken_now`: these do not hold as it stands either. `assumed`: see `assumed_shifts`;
    `without_windows`: days of the change that nobody can book, whatever is changed. `resources`: what is changed.
    `in_closed`: promises in windows that are closed then, or now already; closing takes nothing from them.
    """

    days: list[DayEffect]
    broken: list[Broken]
    broken_now: list[Broken]
    assumed: dict[date, Assumed] = field(default_factory=dict)
    without_windows: list[date] = field(default_factory=list)
    resources: Collection[Limit] = ()
    in_closed: list[Broken] = field(default_factory=list)

    @property
    def fetched(self) -> int:
        """Places with concierge gained (or lost, below zero) in all."""
        return sum(day.fetched_after - day.fetched_before for day in self.days)

    @property
    def stays(self) -> list[Limit]:
        """What keeps the places with concierge as they are on every day, each once; empty when some day changes."""
        found = [day.kept_by(self.resources) for day in self.days]
        return [] if None in found else [limit for limit in Limit if limit in found]

    @property
    def brought(self) -> int:
        return sum(day.brought_after - day.brought_before for day in self.days)


def effect_of(change: Change, question: Question, service_minutes: int) -> Effect:
    """The effect of `change`, its free places counted for bookings like `question`. Reads only, ten statements, and
    those for the weekly template when days are opened.
    """
    now_rows = Rows.read(question.workshop_id, change.first, change.last)
    promised = promised_in(question.workshop_id, change.first, change.last)
    shifts, percent = shifts_of(question.workshop_id, change.first, _behind(change))
    opened = _opened(now_rows, question.workshop_id, change, shifts, percent) if change.opened else now_rows
    assumed = assumed_shifts(_touched(opened, change), shifts) if change.jockeys > 0 else {}
    tried = changed(opened, change, shifts, percent, assumed)
    since = _midnight(change.first)
    before, refused_before = kept(now_rows, promised, since)
    after, refused = kept(tried, promised, since, _away(now_rows.plans, change))
    broken = _broken({one: block for one, block in refused.items() if one not in refused_before})
    order = order_of(question, service_minutes, for_staff=True)
    days = sorted({window.day for window in _touched(tried, change)})
    return Effect(
        [_day_effect(day, before, after, order, broken) for day in days],
        broken,
        _broken(refused_before),
        assumed,
        [day for day in each_day(change.first, change.last) if day not in days],
        change.resources,
        _in_closed(tried, [one for one in promised if one not in refused]),
    )


def _behind(change: Change) -> date:
    return change.last + timedelta(days=RETURN_LOOKAHEAD_DAYS)


def _touched(rows: Rows, change: Change) -> list[Window]:
    return [window for window in rows.windows if change.touches(window.day)]


def _broken(refused: Mapping[Promised, Block]) -> list[Broken]:
    """In order of time, as somebody rings them up."""
    found = [Broken(one.booking, block, one.window, one.back is not None) for one, block in refused.items()]
    return sorted(found, key=lambda one: (one.window, one.booking.number))


def _in_closed(rows: Rows, promised: Sequence[Promised]) -> list[Broken]:
    return [
        Broken(one.booking, why_closed(window), (instant(window.start), instant(window.end)), _is_return(one, window))
        for one, window in in_closed(rows, promised)
    ]


def _is_return(one: Promised, window: Window) -> bool:
    return one.back is not None or window.slot_id == one.booking.return_slot_id


def _day_effect(day: date, before: Rows, after: Rows, order: Order, broken: Sequence[Broken]) -> DayEffect:
    fetch, bring = replace(order, concierge=True), replace(order, concierge=False)
    return DayEffect(
        day,
        fetched_before=places_of(day, before, fetch),
        fetched_after=places_of(day, after, fetch),
        brought_before=places_of(day, before, bring),
        brought_after=places_of(day, after, bring),
        broken=[one for one in broken if one.day == day],
        limit=limit_of(day, after, fetch),
    )


# -- the changed rows


def changed(
    rows: Rows, change: Change, shifts: Sequence[Shift], percent: int, assumed: Mapping[date, Assumed] | None = None
) -> Rows:
    """A copy of the rows with the change in its days. Jockeys: see `fewer_or_more`. More Ronjas stand free; which are
    away is for `kept`.
    """
    then = fewer_or_more(shifts, change.jockeys, change.first, change.last, assumed)
    touched = _touched(rows, change)
    room_now, room_then = rooms(touched, shifts, percent), rooms(touched, then, percent)
    windows = [
        _changed_window(window, change, room_now[window.slot_id], room_then[window.slot_id])
        if change.touches(window.day)
        else window
        for window in rows.windows
    ]
    more = [RonjaPlan(uuid.uuid4(), [], [], FAR_FUTURE) for _n in range(change.ronjas)]
    return Rows(windows, [*rows.plans, *more])


def _changed_window(window: Window, change: Change, now: tuple[int, int], then: tuple[int, int]) -> Window:
    begins = wall_minutes(instant(window.start), window.day)
    if change.jockeys:
        left = window.jockey_minutes_left + then[0] - now[0]
        window = replace(window, jockey_minutes_left=left, longest_trip_minutes=then[1])
    places, maximum = change.places_per_window, change.day_maximum
    return replace(
        window,
        max_bookings=window.max_bookings if places is None else places,
        day_max_bookings=window.day_max_bookings if maximum is None else maximum,
        is_available=window.is_available and begins not in change.closed,
    )


def _away(plans: Sequence[RonjaPlan], change: Change) -> dict[uuid.UUID, tuple[int, int]]:
    """Fewer Ronjas: those go that are promised least in these days, and are away on all of them."""
    start, end = _midnight(change.first), _midnight(change.last + timedelta(days=1))
    by_use = sorted(plans, key=lambda plan: (sum(e > start and s < end for s, e in spans_of(plan)), plan.ronja_id))
    return {plan.ronja_id: (start, end) for plan in by_use[: max(0, -change.ronjas)]}


def _midnight(day: date) -> int:
    return int(local_to_utc(day, 0, ZONE).timestamp())


# -- days that are opened


def _opened(rows: Rows, workshop_id: uuid.UUID, change: Change, shifts: Sequence[Shift], percent: int) -> Rows:
    """The rows with the days of the change open, as `edit_day` opens them: one without windows gets the usual ones,
    with the jockeys who have a shift then.
    """
    weeks = weeks_of(workshop_id)
    planned = {window.day for window in rows.windows}
    missing = [day for day in each_day(change.first, change.last) if day not in planned]
    plans = {day: plan for day in missing if (plan := possible(day, weeks.usual_plan(day)))}
    new = [window for day, plan in plans.items() for window in _usual_windows(workshop_id, day, plan)]
    room = rooms(new, shifts, percent)
    new = [replace(w, jockey_minutes_left=room[w.slot_id][0], longest_trip_minutes=room[w.slot_id][1]) for w in new]
    windows = [
        replace(window, day_is_holiday=False, day_is_closed=False) if change.touches(window.day) else window
        for window in rows.windows
    ]
    return Rows(sorted([*windows, *new], key=lambda window: window.start), rows.plans)


def _usual_windows(workshop_id: uuid.UUID, day: date, plan: DayPlan) -> Iterable[Window]:
    for planned in plan.windows:
        row = window_row(workshop_id, day, planned)
        start, end = int(row["start_time"].timestamp()), int(row["end_time"].timestamp())
        yield Window(uuid.uuid4(), start, end, day, planned.places, 0, True, 0, 0, plan.maximum, 0, False, False)
