"""Money that the provider cannot give back any more: given back otherwise, written down, and well in all the books."""

from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select, text

from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking, PaymentStatus
from b2c_web.bookings.papers import pdf_of
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict
from b2c_web.odoo.models import OdooSyncStatus
from b2c_web.operations.models import FailedOperation
from b2c_web.payments import refunding
from b2c_web.payments.commands import (
    add_refund,
    reconcile,
    record_refund_outside,
    retry_refund,
    run_refund,
    settle_payment,
    sync_refunds,
)
from b2c_web.payments.gateway import PaymentUncertain, RefundOutcome, RefundResult
from b2c_web.payments.models import DocumentKind, LedgerEntry, LedgerKind, Payment, Refund, RefundState
from b2c_web.payments.queries import documents_of
from b2c_web.payments.refunding import MAX_TRIES, record_refund
from b2c_web.payments.rules import is_made_outside
from tests.commands.extending import Extending, invalid
from tests.commands.scene import TOTAL_CENTS
from tests.paying import Provider, open_page, refund_by_hand
from tests.unit.test_papers import text_of

CENTS = TOTAL_CENTS - 3900
NOTE = "Überweisung vom 3. Dezember, Ref. 4711"
KEPT = "withdrawals: of one that staff need not end nothing is kept, neither of the price nor of a late move's fee"


@pytest.fixture
def scene(session: Any, provider: Provider) -> Extending:
    return Extending.of_now(session)


@pytest.fixture
def payment(scene: Extending, provider: Provider) -> Payment:
    return paid_price(scene, provider)


def paid_price(scene: Extending, provider: Provider) -> Payment:
    """A booking's price, paid with a card whose refunds come back."""
    payment = scene.payment_of(scene.book(back=None).id)
    open_page(payment)
    provider.pay(payment, card="refund_fails")
    return settle_payment(payment.id)


@pytest.fixture
def booking(scene: Extending, payment: Payment) -> Booking:
    return scene.session.get_one(Booking, payment.purpose_id)


@pytest.fixture
def failed(booking: Booking, payment: Payment, provider: Provider, run_jobs: Any) -> Refund:
    """The customer withdrew, and the bank sent the money back to us."""
    commands.withdraw(booking.user, booking.id)
    run_jobs({"payments.refund"})
    return come_back(payment, provider)


def come_back(payment: Payment, provider: Provider) -> Refund:
    provider.process.advance(10)
    sync_refunds(payment.id)
    refund = payment.refunds[-1]
    assert refund.state is RefundState.FAILED
    return refund


def write_down(app: Flask, scene: Extending, refund: Refund, by: str = "", note: str = NOTE) -> Result:
    arguments = ["payments", "refunded-outside", str(refund.id), "--by", by or scene.staff.email, "--note", note]
    told = app.test_cli_runner().invoke(args=arguments)
    scene.session.expire_all()
    return told


def ledger(scene: Extending, payment: Payment) -> list[tuple[LedgerKind, int]]:
    rows = select(LedgerEntry.kind, LedgerEntry.amount_cents).filter_by(payment_id=payment.id)
    return [tuple(row) for row in scene.session.execute(rows.order_by(LedgerEntry.id))]


def test_what_was_given_back_otherwise_is_in_all_the_books(
    app: Flask, scene: Extending, booking: Booking, payment: Payment, failed: Refund
) -> None:
    assert breaches() == []
    done = write_down(app, scene, failed)
    assert (done.exit_code, done.output) == (0, "SUCCEEDED 289.00 EUR\n")
    assert (payment.refunded_cents, booking.payment_status) == (CENTS, PaymentStatus.REFUNDED)
    assert ledger(scene, payment)[-1] == (LedgerKind.REFUND, CENTS)
    made = payment.refunds[-1]
    assert (is_made_outside(made), made.reason, failed.state) == (True, "withdrawal", RefundState.FAILED)
    papers = [one for one in documents_of(booking.id) if one.kind is DocumentKind.REFUND]
    assert [one.gross_cents for one in papers] == [CENTS, CENTS]  # one for what came back, one for this
    told = [text_of(pdf_of(booking, one, "de")) for one in papers]
    assert ["auf einem anderen Weg als dem Ihrer Zahlung" in one for one in told] == [False, True]
    assert ["Visa mit den Endziffern" in one for one in told] == [True, False]
    assert scene.session.query(OdooSyncStatus).filter_by(entity_type="refund", entity_id=made.id).count() == 1
    assert breaches() == []
    assert [one for one in reconcile() if one.payment_id == payment.id] == []


def test_who_and_how_is_kept(app: Flask, scene: Extending, payment: Payment, failed: Refund) -> None:
    write_down(app, scene, failed)
    row = scene.session.query(FailedOperation).one()
    assert (row.resolution, row.resolved_by, row.resolved_at is None) == (NOTE, scene.staff.id, False)
    entry = scene.session.query(AuditEntry).filter_by(action="refund.made_outside").one()
    assert (entry.entity_id, entry.actor_user_id) == (payment.refunds[-1].id, scene.staff.id)
    assert entry.after == {"amount_cents": CENTS, "in_place_of": str(failed.id), "note": NOTE}


def test_the_note_alone_leaves_the_money_in_the_books_until_it_is_written_down(
    app: Flask, scene: Extending, failed: Refund
) -> None:
    scene.session.execute(text("UPDATE failed_operations SET resolved_at = now(), resolution = 'überwiesen'"))
    assert [one.name for one in breaches()] == [KEPT]
    write_down(app, scene, failed)
    assert breaches() == []


def test_it_is_written_down_once_and_not_made_again(
    app: Flask, scene: Extending, payment: Payment, failed: Refund
) -> None:
    write_down(app, scene, failed)
    again = write_down(app, scene, failed)
    assert (again.exit_code, "Nothing to do" in again.output) == (1, True)
    with pytest.raises(Conflict):
        retry_refund(failed.id)
    assert payment.refunded_cents == CENTS


def test_of_a_part_neither_comes_twice(scene: Extending, payment: Payment, provider: Provider, run_jobs: Any) -> None:
    """What is left of the money would cover another one."""
    with command_transaction():
        add_refund(payment, 1000, "goodwill")
    run_jobs({"payments.refund"})
    first = come_back(payment, provider)
    retry_refund(first.id)
    with pytest.raises(Conflict):
        record_refund_outside(scene.staff, first.id, NOTE)  # it is being made again
    run_jobs({"payments.refund"})
    second = come_back(payment, provider)
    with pytest.raises(Conflict):
        record_refund_outside(scene.staff, first.id, NOTE)  # the later one stands for it
    record_refund_outside(scene.staff, second.id, NOTE)
    for one in (first, second):
        with pytest.raises(Conflict):
            record_refund_outside(scene.staff, one.id, NOTE)
    with pytest.raises(Conflict):
        retry_refund(second.id)
    assert (payment.refunded_cents, breaches()) == (1000, [])


def test_what_was_made_again_asks_nobody_any_more(
    scene: Extending, payment: Payment, failed: Refund, provider: Provider, run_jobs: Any
) -> None:
    """The one made in its place has an entry of its own when it fails too; that one alone invites to pay."""
    again = retry_refund(failed.id)
    entry = scene.session.query(FailedOperation).one()
    assert (entry.resolution, entry.resolved_at is None) == (f"made again: {again.id}", False)
    run_jobs({"payments.refund"})
    second = come_back(payment, provider)
    retry_refund(failed.id)  # pressed again: nothing is made, nothing closed
    (left,) = scene.session.query(FailedOperation).filter_by(resolved_at=None)
    assert left.payload == {"refund_id": str(second.id)}
    record_refund_outside(scene.staff, second.id, NOTE)
    assert scene.session.query(FailedOperation).filter_by(resolved_at=None).count() == 0
    assert breaches() == []


def test_the_rest_of_what_went_back_in_part_at_the_provider_is_written_down(
    scene: Extending, booking: Booking, payment: Payment, failed: Refund, provider: Provider
) -> None:
    refund_by_hand(payment, 4000)
    made = record_refund_outside(scene.staff, failed.id, NOTE)
    assert (made.amount_cents, payment.refunded_cents) == (CENTS - 4000, CENTS)
    assert booking.payment_status is PaymentStatus.REFUNDED
    assert breaches() == []


@pytest.mark.parametrize("by_hand", [CENTS - 2500, CENTS - 3500])
def test_what_staff_kept_never_goes_out_in_place_of_a_failed_one(
    scene: Extending, booking: Booking, payment: Payment, provider: Provider, run_jobs: Any, by_hand: int
) -> None:
    """What was refunded by hand since counts towards it; the kept fee is no rest of it."""
    commands.cancel_by_staff(scene.staff, booking.id, keep_cents=2500, reason="zu spät abgesagt")
    run_jobs({"payments.refund"})
    failed = come_back(payment, provider)
    refund_by_hand(payment, by_hand)
    owed = CENTS - 2500 - by_hand
    if not owed:
        for give in (lambda: record_refund_outside(scene.staff, failed.id, NOTE), lambda: retry_refund(failed.id)):
            with pytest.raises(Conflict):
                give()
    else:
        assert retry_refund(failed.id).amount_cents == owed
    assert (payment.refunded_cents, breaches()) == (by_hand, [])


def test_two_that_failed_and_one_by_hand_are_owed_together(
    app: Flask, scene: Extending, payment: Payment, provider: Provider, run_jobs: Any
) -> None:
    with command_transaction():
        add_refund(payment, 1000, "goodwill")
        add_refund(payment, 2000, "late")
    run_jobs({"payments.refund"})
    provider.process.advance(10)
    sync_refunds(payment.id)
    first, second = payment.refunds
    refund_by_hand(payment, 2500)
    told = write_down(app, scene, first)
    assert told.output == "SUCCEEDED 5.00 EUR; 5.00 EUR less than had failed, since no more is owed or left\n"
    with pytest.raises(Conflict):
        retry_refund(second.id)
    assert (payment.refunded_cents, breaches()) == (3000, [])


def test_where_nothing_is_left_nothing_is_written_down(
    scene: Extending, payment: Payment, failed: Refund, provider: Provider
) -> None:
    refund_by_hand(payment, CENTS)
    with pytest.raises(Conflict):
        record_refund_outside(scene.staff, failed.id, NOTE)
    assert payment.refunded_cents == CENTS


@pytest.fixture
def lost(scene: Extending, provider: Provider) -> Refund:
    """Part of a debit goes back; the provider was asked, but our last try heard no answer."""
    payment = scene.payment_of(scene.book(back=None).id)
    open_page(payment)
    provider.process.pay(str(payment.stripe_checkout_session_id), account="sepa")
    provider.process.advance(700)
    settle_payment(payment.id)
    with command_transaction():
        refund = add_refund(payment, 1000, "goodwill")
        assert refund is not None
        refund.tries = MAX_TRIES - 1
    provider.misbehave("drop", "/v1/refunds")
    run_refund(refund.id)
    assert (refund.state, provider.count("refund")) == (RefundState.FAILED, 1)
    return refund


def test_what_we_gave_up_and_the_provider_still_pays_is_not_paid_twice(
    scene: Extending, lost: Refund, provider: Provider
) -> None:
    with pytest.raises(Conflict):
        record_refund_outside(scene.staff, lost.id, NOTE)
    with pytest.raises(Conflict):
        retry_refund(lost.id)
    assert (lost.state, lost.failure_code, lost.payment.refunded_cents) == (RefundState.PENDING, None, 0)
    entry = scene.session.query(FailedOperation).one()
    assert (entry.resolution, entry.resolved_at is None) == ("the provider has it after all", False)
    provider.process.advance(10)
    sync_refunds(lost.payment_id)
    assert (lost.state, lost.payment.refunded_cents) == (RefundState.SUCCEEDED, 1000)
    assert (len(lost.payment.refunds), breaches()) == (1, [])


def test_what_we_gave_up_and_the_provider_paid_asks_nobody_any_more(
    scene: Extending, lost: Refund, provider: Provider
) -> None:
    provider.process.advance(10)
    with pytest.raises(Conflict):
        record_refund_outside(scene.staff, lost.id, NOTE)
    assert (lost.state, scene.session.query(FailedOperation).one().resolved_at is None) == (
        RefundState.SUCCEEDED,
        False,
    )


def test_old_news_of_what_came_back_does_not_set_it_under_way_again(
    payment: Payment, failed: Refund, scene: Extending
) -> None:
    """The bank's no came first, what was written before it later."""
    late = RefundResult(str(failed.stripe_refund_id), None, CENTS, RefundOutcome.PENDING, str(failed.id), now_utc())
    record_refund(payment.id, late)
    entry = scene.session.query(FailedOperation).one()
    assert (failed.state, entry.resolved_at) == (RefundState.FAILED, None)


def test_giving_up_late_leaves_what_the_provider_is_known_to_have(
    scene: Extending, lost: Refund, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between our last call and its end an event told us of the refund."""
    lost.state = RefundState.PENDING
    scene.session.commit()
    monkeypatch.setattr(refunding, "_already_there", lambda order: _heard_and_lost(order.owner.payment_id))
    run_refund(lost.id)
    assert (lost.state, lost.stripe_refund_id is None) == (RefundState.PENDING, False)


def _heard_and_lost(payment_id: Any) -> None:
    sync_refunds(payment_id)
    raise PaymentUncertain("no answer")


def test_only_what_failed_by_somebody_known_and_with_a_note(
    app: Flask, scene: Extending, booking: Booking, payment: Payment, provider: Provider, run_jobs: Any
) -> None:
    commands.withdraw(booking.user, booking.id)
    run_jobs({"payments.refund"})
    assert write_down(app, scene, payment.refunds[-1]).exit_code == 1
    failed = come_back(payment, provider)
    stranger = write_down(app, scene, failed, by=booking.user.email)
    assert (stranger.exit_code, "Nobody on the staff" in stranger.output) == (1, True)
    silent = write_down(app, scene, failed, note=" ")
    assert (silent.exit_code, "wie das Geld zurückging" in silent.output) == (1, True)
    with invalid("note"):
        record_refund_outside(scene.staff, failed.id, "")
    assert payment.refunded_cents == 0
