"""Money of extensions adds up: rounding, sums, ticks and limits, for whatever is typed."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.clock import now_utc
from b2c_web.extensions import rules
from b2c_web.extensions.items import Item, Offer, from_json, quantity_text, to_json
from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionStatus
from b2c_web.extensions.open_work import is_left_undone, open_items, was_declined
from b2c_web.extensions.rules import Refusal

PRICES = st.integers(1, rules.MOST_CENTS)
QUANTITIES = st.integers(1, 9_999_999).map(lambda thousandths: Decimal(thousandths) / 1000)
ITEMS = st.lists(st.builds(Item, name=st.just("x"), price_cents=PRICES, quantity=QUANTITIES), min_size=1, max_size=8)


def extension_of(items: list[Item], **facts: Any) -> Extension:
    defaults: dict[str, Any] = {
        "items": [to_json(item) for item in items],
        "accepted_items": [],
        "not_done_items": [],
        "status": ExtensionStatus.PENDING,
    }
    return Extension(**{**defaults, **facts})


@pytest.mark.parametrize(
    ("price", "quantity", "cents"),
    [(1, "0.5", 1), (1, "0.499", 0), (3, "0.5", 2), (1599, "4.5", 7196), (199, "1", 199), (333, "0.333", 111)],
)
def test_half_a_cent_rounds_up(price: int, quantity: str, cents: int) -> None:
    assert rules.item_cents(price, Decimal(quantity)) == cents


@given(PRICES, QUANTITIES)
def test_rounding_is_never_off_by_more_than_half_a_cent(price: int, quantity: Decimal) -> None:
    exact = price * Fraction(quantity)
    off = rules.item_cents(price, quantity) - exact
    assert Fraction(-1, 2) < off <= Fraction(1, 2)


@given(PRICES, QUANTITIES)
def test_quantities_survive_the_table(price: int, quantity: Decimal) -> None:
    item = from_json(to_json(Item("x", price, quantity)))
    assert (item.price_cents, item.quantity) == (price, quantity)
    assert "E" not in quantity_text(quantity)
    assert rules.item_cents(price, item.quantity) == rules.item_cents(price, quantity)


@given(ITEMS, st.data())
def test_ticks_and_the_rest_are_together_what_was_offered(items: list[Item], data: st.DataObject) -> None:
    """Sums of rounded items: no way of ticking gains or loses a cent."""
    everything = range(len(items))
    ticked = set(data.draw(st.sets(st.sampled_from(list(everything)))))
    extension = extension_of(items)
    rest = set(everything) - ticked
    assert rules.sum_of(extension, ticked) + rules.sum_of(extension, rest) == rules.total_cents(items)


@given(ITEMS, st.data())
def test_what_is_charged_is_never_above_what_was_approved(items: list[Item], data: st.DataObject) -> None:
    accepted = data.draw(st.sets(st.sampled_from(range(len(items))), min_size=1))
    not_done = data.draw(st.sets(st.sampled_from(sorted(accepted))))
    extension = extension_of(items, accepted_items=sorted(accepted), not_done_items=sorted(not_done))
    due = rules.due_cents(extension)
    assert 0 <= due <= rules.sum_of(extension, accepted) <= rules.total_cents(items)
    assert due + rules.sum_of(extension, not_done) == rules.sum_of(extension, accepted)


@given(st.integers(0, 100_000), st.lists(st.integers(1, 50_000), max_size=20))
def test_the_limit_is_never_passed(limit: int, wanted: list[int]) -> None:
    """Whoever asks in whatever order: what was let through stays within the limit, and nothing is refused in vain."""
    booking = Booking(standing_limit_cents=limit, standing_limit_used_cents=0)
    for cents in wanted:
        left, extension = rules.limit_left_cents(booking), Extension(total_amount=cents)
        if rules.limit_refusal(booking, extension) is None:
            booking.standing_limit_used_cents += cents
        else:
            assert cents > left
        assert 0 <= booking.standing_limit_used_cents <= limit


@pytest.mark.parametrize(
    ("used", "total", "moves_return", "cents"),
    [
        (0, 10_000, False, 10_000),
        (0, 10_001, False, 0),
        (8_000, 2_000, False, 2_000),
        (8_001, 2_000, False, 0),
        (0, 2_000, True, 0),
    ],
)
def test_what_staff_may_approve_alone(used: int, total: int, moves_return: bool, cents: int) -> None:
    booking = Booking(standing_limit_cents=10_000, standing_limit_used_cents=used)
    assert rules.allowed_cents(booking, total, moves_return=moves_return) == cents


@given(ITEMS)
def test_an_offer_is_taken_or_refused_by_a_field(items: list[Item]) -> None:
    found = rules.offer_error(Offer("x", items))
    fits = all(rules.item_cents(item.price_cents, item.quantity) >= rules.LEAST_CENTS for item in items)
    assert (found is None) == (fits and rules.total_cents(items) <= rules.MOST_CENTS)


@pytest.mark.parametrize(
    ("status", "completed", "refusal"),
    [
        (BookingStatus.IN_WORKSHOP, False, None),
        (BookingStatus.IN_WORKSHOP, True, Refusal.SETTLING),
        (BookingStatus.CONFIRMED, False, Refusal.NOT_IN_WORKSHOP),
        (BookingStatus.READY_FOR_RETURN, True, Refusal.NOT_IN_WORKSHOP),
        (BookingStatus.CANCELLED, False, Refusal.NOT_IN_WORKSHOP),
    ],
)
def test_only_in_the_workshop_and_not_while_settling(
    status: BookingStatus, completed: bool, refusal: Refusal | None
) -> None:
    booking = Booking(status=status, service_completed_at=now_utc() if completed else None)
    assert rules.work_refusal(booking) is refusal


def test_after_a_withdrawal_nothing_is_raised_decided_or_wished() -> None:
    booking = Booking(status=BookingStatus.IN_WORKSHOP, withdrawn_at=now_utc())
    assert rules.work_refusal(booking) is Refusal.CONTRACT_WITHDRAWN
    on_the_way = Booking(status=BookingStatus.IN_TRANSIT_TO_WORKSHOP, withdrawn_at=now_utc())
    assert rules.wish_change_refusal(on_the_way) is Refusal.BOOKING_OVER


@pytest.mark.parametrize("money", list(AuthorizationStatus))
def test_work_begins_only_when_the_money_is_sure(money: AuthorizationStatus) -> None:
    sure = {"AUTHORIZED", "CAPTURING", "PROCESSING", "CAPTURED"}
    approved = extension_of([Item("x", 1)], status=ExtensionStatus.APPROVED, authorization_status=money)
    assert rules.is_safe_to_begin(approved) == (money.value in sure)
    waiting = extension_of([Item("x", 1)], status=ExtensionStatus.PENDING, authorization_status=money)
    assert not rules.is_safe_to_begin(waiting)


def test_what_stayed_open_is_offered_again_until_it_is_done() -> None:
    def of(
        status: ExtensionStatus,
        names: list[str],
        accepted: list[int],
        not_done: Sequence[int] = (),
        money: AuthorizationStatus = AuthorizationStatus.CAPTURED,
    ) -> Any:
        items = [{"name": name, "price": 1, "quantity": "1"} for name in names]
        ticks = {"accepted_items": accepted, "not_done_items": not_done}
        return SimpleNamespace(status=status, items=items, authorization_status=money, consent=None, **ticks)

    first = of(ExtensionStatus.APPROVED, ["Wischer", "Pads", "Öl"], [0])
    withdrawn = of(ExtensionStatus.CANCELLED, ["Scheiben"], [])
    waiting = of(ExtensionStatus.PENDING, ["Filter"], [])
    declined = of(ExtensionStatus.DECLINED, ["wischer ", "pads"], [])
    found = open_items([first, withdrawn, waiting, declined])
    assert [one.items[index]["name"] for one, index in found] == ["pads", "wischer ", "Öl"]
    later = of(ExtensionStatus.APPROVED, ["PADS"], [0])
    assert [one.items[index]["name"] for one, index in open_items([first, declined, later])] == [
        "wischer ",
        "Öl",
    ]
    never_done = of(ExtensionStatus.APPROVED, ["Pads", "Wischer"], [0, 1], [0])
    assert open_items([declined, never_done]) == [(never_done, 0)]
    never_paid = of(ExtensionStatus.APPROVED, ["Wischer", "Filter"], [0], money=AuthorizationStatus.RELEASED)
    assert open_items([never_done, never_paid]) == [(never_paid, 1), (never_paid, 0), (never_done, 0)]
    at_work = of(ExtensionStatus.APPROVED, ["pads"], [0], money=AuthorizationStatus.AUTHORIZED)
    assert open_items([never_done, at_work]) == []
    objected = of(ExtensionStatus.APPROVED, ["Pads", "Filter"], [0], [0], money=AuthorizationStatus.RELEASED)
    objected.consent = SimpleNamespace(objected_at=now_utc())
    assert open_items([objected]) == [(objected, 1), (objected, 0)]
    assert [was_declined(objected, index) for index in (0, 1)] == [True, True]
    assert [is_left_undone(objected, index) for index in (0, 1)] == [False, False]


def test_what_wants_the_customer() -> None:
    assert rules.waits_for_customer("authentication_required") is AuthorizationStatus.REQUIRES_ACTION
    assert rules.waits_for_customer("no_method") is AuthorizationStatus.REQUIRES_ACTION
    assert rules.waits_for_customer("insufficient_funds") is AuthorizationStatus.FAILED
    assert rules.waits_for_customer(None) is AuthorizationStatus.FAILED
