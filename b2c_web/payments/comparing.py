"""Our records beside the provider's: every difference, by pure functions."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from b2c_web.payments.gateway import Outcome, PaymentSnapshot, RefundOutcome, RefundResult
from b2c_web.payments.models import PaymentState, RefundState
from b2c_web.payments.setup_gateway import SetupOutcome, SetupSnapshot
from b2c_web.payments.setup_models import SetupState

NO_MONEY_YET = (PaymentState.CREATED, PaymentState.OPEN)


class Kind(StrEnum):
    CHARGE_MISSING_HERE = "charge missing here"
    CHARGE_MISSING_THERE = "charge missing at the provider"
    AMOUNT_DIFFERS = "amounts differ"
    UNKNOWN_MONEY = "money at the provider that no payment of ours asked for"
    PAGE_OPEN_THERE = "payment page still open at the provider"
    PAGE_OVER_THERE = "payment page over at the provider"
    PAGE_UNKNOWN_HERE = "payment page unknown here"
    HOLD_MISSING_HERE = "hold missing here"
    HOLD_NOT_WANTED = "hold that nobody wants any more"
    UNKNOWN_HOLD = "hold at the provider that no payment of ours asked for"
    HOLD_GONE_THERE = "hold gone at the provider"
    CAPTURE_NOT_DONE = "capture that the provider has not done"
    REFUND_MISSING_HERE = "refund missing here"
    REFUND_MISSING_THERE = "refund missing at the provider"
    REFUND_NOT_ASKED = "refund that the provider was never asked for"
    REFUND_DIFFERS = "refund stands differently"
    DISPUTE_UNTOLD = "disputed charge that nobody was told of"
    METHOD_MISSING_HERE = "saved card or account missing here"
    METHOD_UNKNOWN = "card or account saved at the provider that no page of ours asked for"


@dataclass(frozen=True)
class Difference:
    """One difference. `ours` and `theirs` say it in words; `mended`: it is gone after mending."""

    kind: Kind
    payment_id: uuid.UUID | None
    provider_id: str | None
    ours: str
    theirs: str
    mended: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        name = f"payment {self.payment_id}" if self.payment_id else "no payment of ours"
        end = " (mended)" if self.mended else ""
        return f"{self.kind.value}: {name}, {self.provider_id or '-'}: here {self.ours}, there {self.theirs}{end}"


@dataclass(frozen=True)
class OurRefund:
    id: uuid.UUID
    state: RefundState
    amount_cents: int
    provider_id: str | None
    asked_at: datetime


@dataclass(frozen=True)
class OurPayment:
    id: uuid.UUID
    state: PaymentState
    captured_cents: int
    intent_id: str | None
    checkout_id: str | None
    page_asked_for: bool
    refunds: tuple[OurRefund, ...]
    capture_due: bool = False


OurPayments = dict[uuid.UUID, OurPayment]


def compare_money(ours: OurPayments, intents: Iterable[PaymentSnapshot]) -> Iterator[Difference]:
    """Money that the provider has: each must be ours, once, with the same amount."""
    for seen in intents:
        if seen.outcome is not Outcome.PAID:
            continue
        payment = ours.get(seen.owner.payment_id) if seen.owner else None
        if payment is None or payment.intent_id not in (None, seen.intent_id):
            known = payment.id if payment else None
            yield Difference(Kind.UNKNOWN_MONEY, known, seen.intent_id, "nothing", _cents(seen.captured_cents))
        else:
            yield from _same_money(payment, seen)


def _same_money(payment: OurPayment, seen: PaymentSnapshot) -> Iterator[Difference]:
    there = _cents(seen.captured_cents)
    if payment.state is not PaymentState.SUCCEEDED:
        yield Difference(Kind.CHARGE_MISSING_HERE, payment.id, seen.intent_id, payment.state.value, there)
    elif payment.captured_cents != seen.captured_cents:
        yield Difference(Kind.AMOUNT_DIFFERS, payment.id, seen.intent_id, _cents(payment.captured_cents), there)


def compare_one_charge(payment: OurPayment, seen: PaymentSnapshot | None) -> Iterator[Difference]:
    """Money that we have and that no list showed: the provider was asked about it alone."""
    if seen is None or seen.outcome is not Outcome.PAID:
        there = seen.outcome.value if seen else "unknown"
        yield Difference(
            Kind.CHARGE_MISSING_THERE, payment.id, payment.intent_id, _cents(payment.captured_cents), there
        )
    else:
        yield from _same_money(payment, seen)


def compare_holds(ours: OurPayments, intents: Iterable[PaymentSnapshot]) -> Iterator[Difference]:
    """Money that is held: each hold there is ours, wanted and not due for its capture; each of ours is there."""
    for seen in intents:
        payment = ours.get(seen.owner.payment_id) if seen.owner else None
        kind = _hold_kind(payment, seen)
        if kind is not None:
            here = payment.state.value if payment else "nothing"
            known = payment.id if payment else None
            there = f"{_cents(seen.authorized_cents)} {seen.outcome.value}"
            yield Difference(kind, known, seen.intent_id, here, there)


def _hold_kind(payment: OurPayment | None, seen: PaymentSnapshot) -> Kind | None:
    if seen.outcome is not Outcome.AUTHORIZED:
        held_here = payment is not None and payment.state is PaymentState.AUTHORIZED
        same = payment is not None and payment.intent_id == seen.intent_id
        return Kind.HOLD_GONE_THERE if held_here and same and seen.outcome is Outcome.CLOSED else None
    if payment is None:
        return Kind.UNKNOWN_HOLD
    if payment.state is PaymentState.AUTHORIZED and payment.intent_id == seen.intent_id:
        return Kind.CAPTURE_NOT_DONE if payment.capture_due else None
    waits = payment.state in (PaymentState.CREATED, PaymentState.OPEN, PaymentState.FAILED)
    return Kind.HOLD_MISSING_HERE if waits else Kind.HOLD_NOT_WANTED


def compare_one_hold(payment: OurPayment, seen: PaymentSnapshot | None) -> Iterator[Difference]:
    """A hold that we have and that no list showed: the provider was asked about it alone."""
    if seen is None:
        yield Difference(Kind.HOLD_GONE_THERE, payment.id, payment.intent_id, payment.state.value, "unknown")
    elif seen.outcome is Outcome.PAID:
        yield from _same_money(payment, seen)
    else:
        yield from compare_holds({payment.id: payment}, [seen])


def compare_pages(ours: OurPayments, checkouts: Iterable[PaymentSnapshot]) -> Iterator[Difference]:
    """Payment pages: open there only while we wait for money, over there only when we know it."""
    for seen in checkouts:
        payment = ours.get(seen.owner.payment_id) if seen.owner else None
        kind = _page_kind(payment, seen)
        if kind is not None:
            here = payment.state.value if payment else "nothing"
            known = payment.id if payment else None
            yield Difference(kind, known, seen.checkout_id, here, seen.outcome.value)


def _page_kind(payment: OurPayment | None, seen: PaymentSnapshot) -> Kind | None:
    is_open = seen.page_url is not None
    if payment is None:
        return Kind.PAGE_OPEN_THERE if is_open else None
    if payment.checkout_id not in (None, seen.checkout_id):
        return Kind.PAGE_OPEN_THERE if is_open else None
    if is_open and payment.state is PaymentState.CREATED:
        return Kind.PAGE_UNKNOWN_HERE
    if is_open and payment.state is not PaymentState.OPEN:
        return Kind.PAGE_OPEN_THERE
    if seen.outcome is Outcome.CLOSED and payment.state in NO_MONEY_YET:
        return Kind.PAGE_OVER_THERE
    return None


def compare_setups(ours: dict[uuid.UUID, SetupState], setups: Iterable[SetupSnapshot]) -> Iterator[Difference]:
    """Cards and accounts saved without paying: what our pages saved there is saved here. Others' pages are not ours."""
    for seen in setups:
        if seen.setup_id is None or seen.outcome is not SetupOutcome.SAVED:
            continue
        state = ours.get(seen.setup_id)
        if state is None:
            yield Difference(Kind.METHOD_UNKNOWN, None, str(seen.setup_id), "nothing", seen.outcome.value)
        elif state is not SetupState.SAVED:
            yield Difference(Kind.METHOD_MISSING_HERE, None, str(seen.setup_id), state.value, seen.outcome.value)


def compare_refunds(ours: OurPayments, refunds: Iterable[RefundResult]) -> Iterator[Difference]:
    """Refunds that the provider made: each must be ours, with the same amount and state."""
    by_intent = {payment.intent_id: payment for payment in ours.values() if payment.intent_id}
    for seen in refunds:
        payment = by_intent.get(seen.intent_id or "")
        refund = _matching(payment, seen) if payment else None
        there = f"{_cents(seen.amount_cents)} {seen.outcome.value}"
        known = payment.id if payment else None
        if refund is None:
            if seen.outcome is not RefundOutcome.FAILED:
                yield Difference(Kind.REFUND_MISSING_HERE, known, seen.id, "nothing", there)
        elif refund.amount_cents != seen.amount_cents or refund.state.value != seen.outcome.value:
            here = f"{_cents(refund.amount_cents)} {refund.state.value}"
            yield Difference(Kind.REFUND_DIFFERS, known, seen.id, here, there)


def _matching(payment: OurPayment, seen: RefundResult) -> OurRefund | None:
    for refund in payment.refunds:
        if refund.provider_id == seen.id or (refund.provider_id is None and str(refund.id) == seen.reference):
            return refund
    return None


def refunds_missing_there(
    payment: OurPayment, seen: Iterable[RefundResult], asked_before: datetime
) -> Iterator[Difference]:
    """Refunds of ours that the provider should have by now and has not. Failed ones it need not have."""
    there = {result.id for result in seen} | {result.reference for result in seen}
    for refund in payment.refunds:
        if refund.state is RefundState.FAILED or refund.provider_id in there or str(refund.id) in there:
            continue
        here = f"{_cents(refund.amount_cents)} {refund.state.value}"
        if refund.state is RefundState.SUCCEEDED:
            yield Difference(Kind.REFUND_MISSING_THERE, payment.id, str(refund.id), here, "nothing")
        elif refund.asked_at < asked_before:
            yield Difference(Kind.REFUND_NOT_ASKED, payment.id, str(refund.id), here, "nothing")


def _cents(amount: int) -> str:
    return f"{amount} cents"
