"""What a workshop can promise: pure decisions over the rows that limit it. The calendar and the claim ask here.

Instants are whole seconds since 1970 (UTC) in this module: a month is judged in a millisecond that way.
"""

import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from operator import attrgetter

MINUTE = 60
# how far behind its pickup a return may lie: the days that are offered, with weekends, holidays and the like between
RETURN_LOOKAHEAD_DAYS = 12


class Block(StrEnum):
    """Why a window cannot be promised, in the order in which it is judged."""

    CLOSED = "CLOSED"
    HOLIDAY = "HOLIDAY"
    LEAD_TIME = "LEAD_TIME"
    HORIZON = "HORIZON"
    DAY_FULL = "DAY_FULL"
    SLOT_FULL = "SLOT_FULL"
    NO_JOCKEY = "NO_JOCKEY"
    NO_RONJA = "NO_RONJA"


class DayState(StrEnum):
    FREE = "FREE"
    FEW = "FEW"
    FULL = "FULL"
    CLOSED = "CLOSED"


class Limit(StrEnum):
    """What a day's bookings share, and the maximum that staff set for the day. The values are for the command line."""

    BAYS = "bays"
    DAY = "the day's maximum"
    JOCKEYS = "jockeys"
    RONJAS = "Ronjas"


LIMIT_OF = {
    Block.DAY_FULL: Limit.DAY,
    Block.SLOT_FULL: Limit.BAYS,
    Block.NO_JOCKEY: Limit.JOCKEYS,
    Block.NO_RONJA: Limit.RONJAS,
}


def bottleneck(carries: Mapping[Limit, int], block: Block | None) -> Limit:
    """The day's bottleneck. On a day that cannot be booked it is what the judge's reason names, but bays when a full
    day has none left either; else it is the one that alone would leave the fewest further bookings (`Judge.carries`),
    in a tie in the order of `Limit`.
    """
    if block is Block.DAY_FULL and carries.get(Limit.BAYS) == 0:
        return Limit.BAYS
    if block in LIMIT_OF:
        return LIMIT_OF[block]
    return min((limit for limit in Limit if limit in carries), key=lambda limit: carries[limit])


# not frozen: a month page makes hundreds, and freezing triples what making one takes
@dataclass(slots=True, unsafe_hash=True)
class Window:
    """One window with its day, as it stands in the database. Nobody changes one: `replace` makes another."""

    slot_id: uuid.UUID = field(hash=False)  # hashing one is slow, and the start tells windows apart as well
    start: int
    end: int
    day: date
    max_bookings: int
    current_bookings: int
    is_available: bool
    jockey_minutes_left: int
    longest_trip_minutes: int
    day_max_bookings: int
    day_current_bookings: int
    day_is_holiday: bool
    day_is_closed: bool

    @property
    def is_open(self) -> bool:
        return self.is_available and not self.day_is_holiday and not self.day_is_closed

    @property
    def minutes(self) -> int:
        return (self.end - self.start) // MINUTE


@dataclass(frozen=True, slots=True)
class RonjaPlan:
    """One Ronja that can be planned: its reservations in order, and when its service takes it out."""

    ronja_id: uuid.UUID
    starts: Sequence[int]
    ends: Sequence[int]
    usable_until: int


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for. `travel_minutes` is one way; the handover minutes are what a trip takes beyond driving."""

    concierge: bool
    service_minutes: int
    travel_minutes: int = 0
    pickup_handover_minutes: int = 40
    return_handover_minutes: int = 20
    return_buffer_minutes: int = 120
    cleaning_minutes: int = 15
    return_offer_days: int = 2
    return_within_days: int = RETURN_LOOKAHEAD_DAYS
    bookable_from: int = 0
    bookable_until: int = 2**40

    def counts(self, window: Window) -> bool:
        """Does its day count as one on which cars are brought back? With concierge not when no jockey works then."""
        return window.is_open and (not self.concierge or window.longest_trip_minutes > 0)

    @property
    def pickup_minutes(self) -> int:
        """A pickup takes 2t + 20 + 15 + 5 jockey minutes."""
        return 2 * self.travel_minutes + self.pickup_handover_minutes

    @property
    def return_minutes(self) -> int:
        """A return takes 2t + 15 + 5 jockey minutes."""
        return 2 * self.travel_minutes + self.return_handover_minutes

    @property
    def earliest_return_seconds(self) -> int:
        return (self.service_minutes + self.return_buffer_minutes) * MINUTE

    @property
    def ronja_back_seconds(self) -> int:
        """After a return window a Ronja drives home and is cleaned."""
        return (self.travel_minutes + self.cleaning_minutes) * MINUTE


@dataclass(slots=True)  # not frozen, as `Window`
class ReturnOption:
    """A return window that can be promised with a pickup window, and how many Ronjas could do it."""

    window: Window
    ronjas_free: int


@dataclass(slots=True)
class Offer:
    """A window judged: `block` is None when it can be promised, then `places` is at least 1."""

    window: Window
    block: Block | None
    places: int = 0
    returns: list[ReturnOption] = field(default_factory=list)


def blocked_by_workshop(window: Window, order: Order) -> Block | None:
    """The reason outside jockeys and Ronjas why `window` cannot be promised, or None."""
    if not window.is_open:
        return Block.HOLIDAY if window.day_is_holiday else Block.CLOSED
    if not order.bookable_from <= window.start < order.bookable_until:
        return Block.LEAD_TIME if window.start < order.bookable_from else Block.HORIZON
    if window.day_current_bookings >= window.day_max_bookings:
        return Block.DAY_FULL
    return Block.SLOT_FULL if window.current_bookings >= window.max_bookings else None


def trip_parts(windows: Sequence[Window], index: int, minutes: int) -> dict[uuid.UUID, int] | None:
    """Which windows a trip takes its minutes from: its own first, what exceeds the length from the next one.

    None when the day has no next window, or when no shift is long enough to hold the trip in one piece.
    """
    if windows[index].longest_trip_minutes < minutes:
        return None
    parts: dict[uuid.UUID, int] = {}
    while minutes > 0:
        window = windows[index]
        parts[window.slot_id] = min(minutes, window.minutes)
        minutes -= parts[window.slot_id]
        index += 1
        if minutes > 0 and (index == len(windows) or windows[index].start != window.end):
            return None
    return parts


def add_parts(one: Mapping[uuid.UUID, int], other: Mapping[uuid.UUID, int]) -> dict[uuid.UUID, int]:
    """The minutes of two trips together, window by window."""
    total = dict(one)
    for slot_id, minutes in other.items():
        total[slot_id] = total.get(slot_id, 0) + minutes
    return total


Gaps = tuple[Sequence[int], Sequence[int]]  # when its reservations end; until when it is free before each, and after


def gaps_of(plan: RonjaPlan) -> Gaps:
    """When this Ronja is free, to be asked by `free_until`."""
    return plan.ends, [*(min(start, plan.usable_until) for start in plan.starts), plan.usable_until]


def free_until(ronjas: Iterable[Gaps], instant: int) -> list[int]:
    """For each Ronja until when it stays free from `instant` on; 0 when it is taken or due for service then."""
    return [until if instant < (until := untils[bisect_right(ends, instant)]) else 0 for ends, untils in ronjas]


def ronja_span(pickup: Window, back: Window, order: Order) -> tuple[int, int]:
    """When a Ronja is taken: from the pickup's start less travel to the return's end plus travel and cleaning."""
    return pickup.start - order.travel_minutes * MINUTE, back.end + order.ronja_back_seconds


def free_ronjas(plans: Sequence[RonjaPlan], span: tuple[int, int]) -> list[tuple[int, uuid.UUID]]:
    """The Ronjas free for all of `span`, each with the seconds it would stand idle after it: tightest first."""
    start, end = span
    fitting = zip(free_until(map(gaps_of, plans), start), plans, strict=True)
    return sorted((until - end, plan.ronja_id) for until, plan in fitting if until >= end)


DAY = attrgetter("day")
Parts = tuple[tuple[int, int], ...]  # (number of a window, minutes taken from it), in order


class Judge:
    """Judges windows for one order. Built once per question; every answer comes from the same rules."""

    def __init__(self, windows: Sequence[Window], plans: Sequence[RonjaPlan], order: Order) -> None:
        self.windows = windows
        self.order = order
        self._left = [window.jockey_minutes_left for window in windows]
        self._open = [window.is_open for window in windows]
        self._starts = [window.start for window in windows]
        self._earliest_return_seconds = order.earliest_return_seconds
        self._ronja_back_seconds = order.ronja_back_seconds
        self._day_number = self._number_open_days()
        self._pickups: list[Parts | None] = []
        self._returns: list[Parts | None] = []
        self._ronjas = [gaps_of(plan) for plan in plans]
        if order.concierge:
            self._pickups = self._rooms_for(order.pickup_minutes)
            self._returns = self._rooms_for(order.return_minutes)
        self._open_windows = [index for index, is_open in enumerate(self._open) if is_open]
        self._counting = [index for index in self._open_windows if order.counts(windows[index])]
        self._with_room = [index for index in self._open_windows if order.concierge and self._returns[index]]

    def _number_open_days(self) -> list[int]:
        """For each window how many days that count lie before its own; -1 when it is closed."""
        numbers: list[int] = []
        number, day = -1, None
        for window, is_open in zip(self.windows, self._open, strict=True):
            if is_open and window.day != day and self.order.counts(window):
                number, day = number + 1, window.day
            numbers.append(number if is_open else -1)
        return numbers

    def _rooms_for(self, minutes: int) -> list[Parts | None]:
        """For each window the parts of a trip that begins in it; nearly always that is the window alone."""
        seconds = minutes * MINUTE
        return [
            ((index, minutes),)
            if one.jockey_minutes_left >= minutes <= one.longest_trip_minutes and one.end - one.start >= seconds
            else self._room_for(index, minutes)
            for index, one in enumerate(self.windows)
        ]

    def _room_for(self, index: int, minutes: int) -> Parts | None:
        window = self.windows[index]
        if window.longest_trip_minutes < minutes or minutes <= window.minutes:
            return None
        parts = trip_parts(self.windows, index, minutes)
        found = tuple((index + n, count) for n, count in enumerate(parts.values())) if parts else None
        return found if found and self._fits(found) else None

    def _fits(self, parts: Parts) -> bool:
        return all(self._left[index] >= minutes for index, minutes in parts)

    def numbers(self, day: date) -> range:
        """The windows of this day, by their numbers."""
        first = bisect_left(self.windows, day, key=DAY)
        return range(first, bisect_right(self.windows, day, first, key=DAY))

    def offer(self, index: int, all_returns: bool = False) -> Offer:
        """Judge the window at `index`. With `all_returns` every return window is listed, else only the first."""
        window = self.windows[index]
        block = blocked_by_workshop(window, self.order)
        if block is not None:
            return Offer(window, block)
        places = min(
            window.max_bookings - window.current_bookings, window.day_max_bookings - window.day_current_bookings
        )
        if not self.order.concierge:
            return Offer(window, None, places)
        pickup = self._pickups[index]
        if pickup is None:
            return Offer(window, Block.NO_JOCKEY)
        return self._with_return(index, pickup, places, all_returns)

    def _with_return(self, index: int, pickup: Parts, places: int, all_returns: bool) -> Offer:
        window, block, until = self.windows[index], Block.NO_JOCKEY, self._free_from(index)
        last_taken, returns = pickup[-1][0], list[ReturnOption]()  # nearly all returns lie behind: not worth a call
        for back in self._return_candidates(index, self._with_room):
            if last_taken >= back and not self._together(pickup, back):
                continue
            home_at = self.windows[back].end + self._ronja_back_seconds
            free = len([None for freed in until if freed >= home_at])
            if not free:
                block = Block.NO_RONJA
                continue
            returns.append(ReturnOption(self.windows[back], free))
            if not all_returns:
                break
        if not returns:
            return Offer(window, block)
        return Offer(window, None, min(places, self._jockey_places(pickup), returns[0].ronjas_free), returns)

    def carries(self, indices: Sequence[int]) -> dict[Limit, int]:
        """How many further bookings of this order each limit alone would leave in the windows of one day.

        Bays: the places left in the windows. The day: what its maximum leaves. Jockeys: the minutes left, divided by
        what pickup and return take, at most the pickups that fit into the windows; 0 when none has a return. Ronjas:
        the cars free from one of the windows to its first return. Orders without concierge need neither of these two.
        """
        inside = [i for i in indices if self._open[i] and self._in_time(i)]
        windows = [self.windows[i] for i in inside]
        left_today = min((one.day_max_bookings - one.day_current_bookings for one in windows), default=0)
        bays = sum(one.max_bookings - one.current_bookings for one in windows)
        limits = {Limit.BAYS: bays, Limit.DAY: left_today}
        if self.order.concierge:
            limits[Limit.JOCKEYS] = self._jockeys_carry(inside)
            limits[Limit.RONJAS] = self._ronjas_carry(inside)
        return limits

    def _in_time(self, index: int) -> bool:
        return self.order.bookable_from <= self.windows[index].start < self.order.bookable_until

    def _jockeys_carry(self, inside: Sequence[int]) -> int:
        pickups = minutes = 0
        for index in inside:
            pickup = self._pickups[index]
            if pickup is not None and self._brings(index, pickup):
                pickups += self._jockey_places(pickup)
            minutes += max(0, self._left[index])
        whole = minutes // (self.order.pickup_minutes + self.order.return_minutes)
        return min(pickups, max(1, whole))

    def _brings(self, index: int, pickup: Parts) -> bool:
        """Is there a return window with room for both trips?"""
        return any(self._together(pickup, back) for back in self._return_candidates(index, self._with_room))

    def _ronjas_carry(self, inside: Sequence[int]) -> int:
        free: set[int] = set()
        for i in inside:
            back = next(iter(self._return_candidates(i, self._counting)), None)
            if back is not None:
                home_at = self.windows[back].end + self._ronja_back_seconds
                free |= {number for number, until in enumerate(self._free_from(i)) if until >= home_at}
        return len(free)

    def _free_from(self, index: int) -> list[int]:
        """For each Ronja until when it stays free from when it would leave for a pickup in this window."""
        return free_until(self._ronjas, self._starts[index] - self.order.travel_minutes * MINUTE)

    def _jockey_places(self, pickup: Parts) -> int:
        return min([self._left[index] // minutes for index, minutes in pickup])

    def _together(self, pickup: Parts, back: int) -> bool:
        """Do both trips fit, also where they take minutes from the same window?"""
        if pickup[-1][0] < back:
            return True
        both: dict[int, int] = {}
        for index, minutes in (*pickup, *(self._returns[back] or ())):
            both[index] = both.get(index, 0) + minutes
        return self._fits(tuple(both.items()))

    def _return_candidates(self, index: int, among: Sequence[int]) -> Iterable[int]:
        """Those `among` the open windows in which the car may come back: late enough, and within the days offered."""
        not_before = self._starts[index] + self._earliest_return_seconds
        last_day = self._day_number[index] + self.order.return_offer_days - 1
        latest = self._starts[index] + self.order.return_within_days * 24 * 60 * MINUTE
        first = bisect_left(among, not_before, bisect_right(among, index), key=self._starts.__getitem__)
        for number in range(first, len(among)):
            if self._day_number[among[number]] > last_day or self._starts[among[number]] > latest:
                return
            yield among[number]
