"""What work beyond the order costs, for the sum on the customer's page. Known further right: `hooks.extra_costs_of`."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from b2c_web.bookings import hooks
from b2c_web.bookings.models import Booking
from b2c_web.money import contained_vat_cents
from b2c_web.payments.models import Refund, RefundState


class Standing(StrEnum):
    """Where the money of approved work is, in the order in which the page says it."""

    PAID = "paid"
    TAKING = "taking"
    HELD = "held"
    AGREED = "agreed"  # by a mandate, which holds nothing
    NOT_HELD = "not_held"
    OWED = "owed"


STANDS: dict[Standing, Any] = {
    Standing.PAID: _l("davon bezahlt"),
    Standing.TAKING: _l("davon wird gerade abgebucht"),
    Standing.HELD: _l("davon nur reserviert, noch nicht abgebucht"),
    Standing.AGREED: _l("davon per Lastschrift zugesagt, noch nicht abgebucht"),
    Standing.NOT_HELD: _l("davon freigegeben, noch nicht reserviert"),
    Standing.OWED: _l("davon noch offen"),
}


@dataclass(frozen=True, slots=True)
class ExtraCost:
    """Work that the customer approved beside the order: `cents` is what it comes to.

    `back_cents` is what of it went back, `going_back_cents` what is on its way back; `withdrawal_cents` is what of
    both the end of the booking gives back, `another_way`: some of that not the way it was paid.
    """

    names: str
    cents: int
    standing: Standing
    vat_rate_percent: int
    back_cents: int = 0
    going_back_cents: int = 0
    withdrawal_cents: int = 0
    another_way: bool = False


def costs_of(booking: Booking) -> list[ExtraCost]:
    """What was approved beside the order and still is to be paid or is paid, oldest first."""
    return [cost for ask in hooks.extra_costs_of.functions for cost in ask(booking)]


def late_refunds_of(booking: Booking) -> list[Refund]:
    """What goes back of money for such work that came when nobody waited for it any more, oldest first."""
    return [refund for ask in hooks.late_refunds_of.functions for refund in ask(booking)]


def sum_facts(booking: Booking, costs: Sequence[ExtraCost], rate_percent: int) -> dict[str, Any]:
    """Rule: the lines of extra work, the sum with the order, its VAT (once per document), and where the money is.

    `stands` is empty without extra work; `vat_rate_percent` is None when not all of it has the same rate.
    """
    by_standing = dict.fromkeys(Standing, 0) | {Standing.PAID: booking.total_price}
    for cost in costs:
        by_standing[cost.standing] += cost.cents
    vat_cents = [contained_vat_cents(cost.cents, cost.vat_rate_percent) for cost in costs]
    return {
        "extra_lines": [(_("Zusätzlich: %(names)s", names=cost.names), cost.cents) for cost in costs],
        "sum_cents": sum(by_standing.values()),
        "stands": [(STANDS[one], cents) for one, cents in by_standing.items() if cents] if costs else [],
        "all_paid": all(cost.standing is Standing.PAID for cost in costs),
        "extra_back": [back for cost in costs for back in _back_of(cost)],
        "vat_cents": contained_vat_cents(booking.total_price, rate_percent) + sum(vat_cents),
        "vat_rate_percent": rate_percent if all(cost.vat_rate_percent == rate_percent for cost in costs) else None,
    }


def _back_of(cost: ExtraCost) -> list[tuple[int, RefundState]]:
    back = ((cost.back_cents, RefundState.SUCCEEDED), (cost.going_back_cents, RefundState.PENDING))
    return [(cents, state) for cents, state in back if cents]
