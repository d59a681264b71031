"""What a template does to the coming days, and what in it is probably a slip, in words."""

from collections.abc import Sequence
from datetime import date, timedelta

from flask_babel import gettext as _
from flask_babel import ngettext

from b2c_web import formatting
from b2c_web.workshops.template_changes import DayChange, Obstacle, ObstacleKind
from b2c_web.workshops.weekly import DayPlan, clock_of
from b2c_web.workshops.weekly_doubts import Doubt


def plan_words(plan: DayPlan | None) -> str:
    """ "5 Fenster, höchstens 20 Buchungen"."""
    if plan is None:
        return _("geschlossen")
    windows = ngettext("%(num)s Fenster", "%(num)s Fenster", len(plan.windows))
    most = ngettext("höchstens %(num)s Buchung", "höchstens %(num)s Buchungen", plan.maximum)
    return f"{windows}, {most}"


def change_words(change: DayChange) -> str:
    """Before and after of one day; the windows themselves when only they differ."""
    before, after = plan_words(change.now.plan), plan_words(change.then)
    if before == after:
        before, after = window_words(change.now.plan), window_words(change.then)
    return _("%(before)s → %(after)s", before=before, after=after)


def window_words(plan: DayPlan | None) -> str:
    """ "08:00–10:00 (4), 10:00–12:00 (4)"."""
    windows = plan.windows if plan else ()
    return ", ".join(f"{clock_of(one.starts)}–{clock_of(one.ends)} ({one.places})" for one in windows)


def obstacle_words(obstacle: Obstacle) -> str:
    """Why a booked day stays as it is."""
    window = obstacle.window
    if window is None or obstacle.kind is ObstacleKind.DAY:
        return ngettext("%(num)s Buchung am Tag", "%(num)s Buchungen am Tag", obstacle.booked)
    span = f"{clock_of(window.starts)}–{clock_of(window.ends)}"
    if not obstacle.booked:
        return _("%(span)s: eine Fahrt ist zugesagt", span=span)
    return ngettext("%(span)s: %(num)s Buchung", "%(span)s: %(num)s Buchungen", obstacle.booked, span=span)


def doubt_words(doubts: Sequence[Doubt]) -> list[str]:
    """A sentence for each window with its weekdays: its places, and what the day takes or bays and jockeys carry."""
    weekdays: dict[str, list[str]] = {}
    for one in doubts:
        weekdays.setdefault(_doubt_words(one), []).append(_weekday(one.weekday))
    return [f"{', '.join(days)}, {words}" for words, days in weekdays.items()]


def _doubt_words(doubt: Doubt) -> str:
    facts = {"span": f"{clock_of(doubt.window.starts)}–{clock_of(doubt.window.ends)}", "places": doubt.window.places}
    beyond = _(
        "So lange tragen die Bühnen bisher %(bays)s Autos und die Jockeys höchstens %(pickups)s Abholungen.",
        bays=doubt.bays,
        pickups=doubt.pickups,
    )
    if not doubt.is_over_the_day:
        return " ".join((_("%(span)s: %(places)s Plätze.", **facts), beyond))
    over = _(
        "%(span)s: %(places)s Plätze, aber am ganzen Tag höchstens %(maximum)s Buchungen.",
        **facts,
        maximum=doubt.maximum,
    )
    return " ".join((over, beyond)) if doubt.is_far_beyond else over


def _weekday(number: int) -> str:
    return formatting.weekday(date(2024, 1, 1) + timedelta(days=number))  # a Monday
