"""Races for a decision and its money, in pairs: first with the guards off to show the race, then with them on."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.audit import AuditEntry
from b2c_web.bookings import access as booking_access
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.checks import breaches
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict
from b2c_web.extensions import access, approving, commands, completing, money, raising, staff_approval
from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionStatus
from b2c_web.extensions.queries import digest_of
from b2c_web.flask_extensions import db
from b2c_web.payments.commands import capture_held, ensure_customer
from b2c_web.payments.models import Document, LedgerEntry, LedgerKind, Payment, PaymentPurpose
from b2c_web.payments.queries import payments_of
from tests.commands.extending import DISCS, OFFER, PADS, SUMS, Extending
from tests.concurrency.races import Meeting, at_once
from tests.paying import Provider, save_method

Auth = AuthorizationStatus
CHECKS_OF_BOTH = """
    SELECT conrelid::regclass::text, conname FROM pg_constraint
    WHERE contype = 'c' AND conrelid IN ('extensions'::regclass, 'bookings'::regclass)"""


@pytest.fixture
def scene(committed_app: Flask, provider: Provider) -> Iterator[Extending]:
    """A committed scene behind the simulator, with the real clock."""
    provider.connect(committed_app)
    with committed_app.app_context():
        yield Extending.of_now(db.session)


@pytest.fixture
def booking(scene: Extending) -> Booking:
    return scene.in_workshop(standing_limit_cents=20_000)


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row locks, and none of the constraints that stand behind them."""
    unlocked = select(Booking, Extension).join(Extension, Extension.booking_id == Booking.id)
    monkeypatch.setattr(access, "WITH_BOOKING", unlocked.execution_options(populate_existing=True))
    monkeypatch.setattr(access, "_lock_row", lambda extension_id: db.session.get_one(Extension, extension_id))
    monkeypatch.setattr(booking_access, "lock_booking", lambda booking_id: db.session.get_one(Booking, booking_id))
    rows = db.session.execute(text(CHECKS_OF_BOTH))
    for table, name in rows.all():
        db.session.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'))
    db.session.execute(text("ALTER TABLE payments DROP CONSTRAINT uq_payments_purpose_purpose_id_attempt"))
    db.session.commit()


def meet_after(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, meeting: Meeting) -> None:
    """Everybody has checked before anybody writes."""
    checked = getattr(module, name)

    def check_and_meet(*arguments: Any, **keywords: Any) -> Any:
        answer = checked(*arguments, **keywords)
        meeting.wait()
        return answer

    monkeypatch.setattr(module, name, check_and_meet)


def race(app: Flask, *works: Callable[[], Any]) -> tuple[int, list[str]]:
    """How many came through, and the codes of the refusals. Anything else than a refusal is an error of the test."""
    results = at_once(app, works)
    db.session.rollback()
    refusals = [one for one in results if isinstance(one, Exception)]
    assert all(isinstance(one, Conflict) for one in refusals), refusals
    return len(results) - len(refusals), [one.code for one in refusals if isinstance(one, Conflict)]


def fresh(extension_id: uuid.UUID) -> Extension:
    db.session.expire_all()
    return db.session.get_one(Extension, extension_id)


def by(person_id: uuid.UUID) -> User:
    return db.session.get_one(User, person_id)


def save_card(booking: Booking, provider: Provider) -> None:
    ensure_customer(booking.user_id)
    with command_transaction():
        save_method(provider, by(booking.user_id), card="visa")


def decisions(extension_id: uuid.UUID) -> list[str]:
    entries = db.session.query(AuditEntry).filter_by(entity_type="extension", entity_id=extension_id)
    deciding_words = {"extension.approve", "extension.decline", "extension.withdraw"}
    return [entry.action for entry in entries if entry.action in deciding_words]


# two deciders


def decide_twice(app: Flask, scene: Extending, booking: Booking, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Signed in and by the mailed link at the same moment, with different ticks."""
    extension = scene.raised(booking)
    extension_id, user_id, shown = extension.id, booking.user_id, digest_of(extension)
    link = commands.open_link(scene.token())
    meet_after(monkeypatch, approving, "check_decision", Meeting(2))
    came, codes = race(
        app,
        lambda: commands.approve(by(user_id), extension_id, [0], shown),
        lambda: commands.approve(link, extension_id, [1, 2], shown),
    )
    return (came, codes), fresh(extension_id)


def test_without_the_guard_both_are_told_that_they_decided(
    committed_app: Flask, scene: Extending, booking: Booking, unguarded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (came, _codes), extension = decide_twice(committed_app, scene, booking, monkeypatch)
    assert came == 2
    assert len(payments_of(PaymentPurpose.EXTENSION, extension.id)) == 2


def test_one_of_two_deciders_decides(
    committed_app: Flask, scene: Extending, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, extension = decide_twice(committed_app, scene, booking, monkeypatch)
    assert outcome == (1, ["decided"])
    assert extension.accepted_items in ([0], [1, 2])
    payment = payments_of(PaymentPurpose.EXTENSION, extension.id)
    assert [one.amount_cents for one in payment] == [extension.approved_amount_cents]
    assert len(decisions(extension.id)) == 1


# decide and withdraw


def decide_and_withdraw(
    app: Flask, scene: Extending, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, Any]:
    extension = scene.raised(booking)
    extension_id, user_id, staff_id, shown = extension.id, booking.user_id, scene.staff.id, digest_of(extension)
    meeting, cancel = Meeting(2), raising.cancel
    meet_after(monkeypatch, approving, "check_decision", meeting)

    def meet_and_cancel(*arguments: Any) -> None:
        assert arguments[0].status
        meeting.wait()
        cancel(*arguments)

    monkeypatch.setattr(raising, "cancel", meet_and_cancel)
    outcome = race(
        app,
        lambda: commands.approve(by(user_id), extension_id, [0], shown),
        lambda: commands.withdraw_extension(by(staff_id), extension_id, "Doppelt erfasst"),
    )
    return outcome, fresh(extension_id)


def test_without_the_guard_what_is_withdrawn_is_approved(
    committed_app: Flask, scene: Extending, booking: Booking, unguarded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (came, _codes), extension = decide_and_withdraw(committed_app, scene, booking, monkeypatch)
    assert came == 2
    assert sorted(decisions(extension.id)) == ["extension.approve", "extension.withdraw"]


def test_either_it_is_decided_or_withdrawn(
    committed_app: Flask, scene: Extending, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    (came, codes), extension = decide_and_withdraw(committed_app, scene, booking, monkeypatch)
    assert came == 1
    assert codes in (["decided"], ["withdrawn"])
    approved = extension.status is ExtensionStatus.APPROVED
    assert decisions(extension.id) == ["extension.approve" if approved else "extension.withdraw"]
    assert len(payments_of(PaymentPurpose.EXTENSION, extension.id)) == (1 if approved else 0)


# the contract is withdrawn, and the mailed link approves


def approve_and_withdraw_contract(
    app: Flask, scene: Extending, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> tuple[tuple[int, list[str]], Extension]:
    extension = scene.raised(booking)
    booking_id, extension_id, user_id = booking.id, extension.id, booking.user_id
    link, shown, meeting = commands.open_link(scene.token()), digest_of(extension), Meeting(2)
    meet_after(monkeypatch, approving, "check_decision", meeting)
    meet_after(monkeypatch, completing, "of_booking_locked", meeting)
    outcome = race(
        app,
        lambda: commands.approve(link, extension_id, [0], shown),
        lambda: bookings.withdraw(by(user_id), booking_id),
    )
    assert db.session.get_one(Booking, booking_id).withdrawn_at is not None
    return outcome, fresh(extension_id)


def test_without_the_guard_work_is_approved_for_what_was_withdrawn(
    committed_app: Flask, scene: Extending, booking: Booking, unguarded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (came, _codes), extension = approve_and_withdraw_contract(committed_app, scene, booking, monkeypatch)
    assert came == 2
    assert (extension.status, extension.authorization_status) == (ExtensionStatus.APPROVED, Auth.PENDING)
    found = [one.name for one in breaches() if one.name.startswith("extensions")]
    assert found == ["extensions: of a withdrawn booking nothing is offered, held or owed"]


def test_of_what_was_withdrawn_nothing_is_held(
    committed_app: Flask, scene: Extending, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    (came, codes), extension = approve_and_withdraw_contract(committed_app, scene, booking, monkeypatch)
    approved = extension.status is ExtensionStatus.APPROVED
    assert (came, codes) == ((2, []) if approved else (1, ["withdrawn"]))
    assert extension.authorization_status is (Auth.RELEASED if approved else Auth.NONE)
    assert breaches() == []


# two staff on the limit


def use_the_limit_twice(
    app: Flask, scene: Extending, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> tuple[tuple[int, list[str]], int]:
    """Two people approve 149.00 EUR each, and 200.00 EUR are allowed."""
    made = [scene.raised(booking, replace(OFFER, description=words, items=[DISCS])) for words in ("Vorn.", "Hinten.")]
    wanted, staff_id = [(one.id, digest_of(one)) for one in made], scene.staff.id
    meet_after(monkeypatch, staff_approval.rules, "limit_refusal", Meeting(2))
    outcome = race(
        app,
        *(
            lambda one=one: commands.approve_within_limit(by(staff_id), one[0], one[1])  # type: ignore[misc]
            for one in wanted
        ),
    )
    return outcome, sum(fresh(extension_id).approved_amount_cents for extension_id, _shown in wanted)


def test_without_the_guard_the_limit_is_passed(
    committed_app: Flask, scene: Extending, booking: Booking, unguarded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (came, _codes), approved_cents = use_the_limit_twice(committed_app, scene, booking, monkeypatch)
    assert (came, approved_cents) == (2, 2 * SUMS[1])
    found = [one.name for one in breaches() if one.name.startswith("extensions")]
    assert found == ["extensions: the standing limit is used by exactly what it approved, and never exceeded"]


def test_the_limit_is_used_once(
    committed_app: Flask, scene: Extending, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, approved_cents = use_the_limit_twice(committed_app, scene, booking, monkeypatch)
    assert outcome == (1, ["over_limit"])
    assert approved_cents == SUMS[1]
    assert db.session.get_one(Booking, booking.id).standing_limit_used_cents == SUMS[1]
    assert breaches() == []


# complete while one is raised


def complete_and_raise(
    app: Flask, scene: Extending, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> tuple[tuple[int, list[str]], bool]:
    """Returns also whether a car is ready while its customer is still asked."""
    booking_id, staff_id, meeting = booking.id, scene.staff.id, Meeting(2)
    meet_after(monkeypatch, completing, "of_booking_locked", meeting)
    meet_after(monkeypatch, raising.rules, "work_refusal", meeting)
    outcome = race(
        app,
        lambda: bookings.complete_work(by(staff_id), booking_id),
        lambda: commands.raise_extension(by(staff_id), booking_id, OFFER),
    )
    db.session.expire_all()
    ready = db.session.get_one(Booking, booking_id).status is BookingStatus.READY_FOR_RETURN
    return outcome, ready and db.session.query(Extension).filter_by(status=ExtensionStatus.PENDING).count() == 1


def test_without_the_guard_a_ready_car_still_waits_for_an_answer(
    committed_app: Flask, scene: Extending, booking: Booking, unguarded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (came, _codes), contradicts = complete_and_raise(committed_app, scene, booking, monkeypatch)
    assert (came, contradicts) == (2, True)


def test_what_is_raised_keeps_the_work_open(
    committed_app: Flask, scene: Extending, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    (came, codes), contradicts = complete_and_raise(committed_app, scene, booking, monkeypatch)
    assert (came, contradicts) == (1, False)
    assert codes in (["extension_pending"], ["not_in_workshop"])


# complete and decide


def test_a_decision_beside_the_completion_comes_before_it_or_not_at_all(
    committed_app: Flask, scene: Extending, booking: Booking
) -> None:
    extension = scene.raised(booking)
    extension_id, booking_id, shown = extension.id, booking.id, digest_of(extension)
    user_id, staff_id = booking.user_id, scene.staff.id
    came, codes = race(
        committed_app,
        lambda: bookings.complete_work(by(staff_id), booking_id),
        lambda: commands.approve(by(user_id), extension_id, [0], shown),
    )
    decided, ended = fresh(extension_id), db.session.get_one(Booking, booking_id)
    assert decided.status is ExtensionStatus.APPROVED
    if came == 1:
        assert (codes, ended.status) == (["extension_pending"], BookingStatus.IN_WORKSHOP)
        assert decided.authorization_status is Auth.PENDING
    else:
        assert (ended.status, decided.authorization_status) == (BookingStatus.READY_FOR_RETURN, Auth.RELEASED)


# both rows are locked by one statement, and who waited for them reads both as they are then


def test_who_waited_reads_booking_and_extension_anew(committed_app: Flask, scene: Extending, booking: Booking) -> None:
    extension_id, meeting = scene.raised(booking).id, Meeting(2)

    def write() -> None:
        with command_transaction():
            booking, extension = access.lock_extension(extension_id)
            meeting.wait()  # until the other one waits for the rows
            booking.customer_name += "+"
            extension.description += "+"

    name, description = booking.customer_name, scene.fresh(extension_id).description
    db.session.rollback()
    assert at_once(committed_app, [write, write]) == [None, None]
    extension = fresh(extension_id)
    written = db.session.get_one(Booking, extension.booking_id).customer_name
    assert (written, extension.description) == (f"{name}++", f"{description}++")


# the hold arrives while the work is completed


def test_a_hold_beside_the_completion_is_taken_or_given_back(
    committed_app: Flask, scene: Extending, booking: Booking, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_card(booking, provider)
    extension = scene.raised(booking)
    extension_id, wish = extension.id, scene.approve(extension, [0])
    staff_id, booking_id, meeting = scene.staff.id, booking.id, Meeting(2)
    meet_after(monkeypatch, money, "_held", meeting)
    meet_after(monkeypatch, money.rules, "work_refusal", meeting)
    complete = lambda: bookings.complete_work(by(staff_id), booking_id)  # noqa: E731 - beside the hold
    at_once(committed_app, [complete, lambda: commands.authorize_now(wish)])
    extension = fresh(extension_id)
    assert extension.authorization_status in (Auth.RELEASED, Auth.CAPTURING)
    held = payments_of(PaymentPurpose.EXTENSION, extension.id)[0]
    wanted = extension.authorization_status is Auth.CAPTURING
    assert (held.capture_cents is not None, held.state.value) == (wanted, "AUTHORIZED" if wanted else "CANCELLED")


# captured twice


def completed(scene: Extending, booking: Booking, provider: Provider) -> tuple[uuid.UUID, uuid.UUID]:
    """An extension whose money is about to be taken, and the payment."""
    save_card(booking, provider)
    extension = scene.held(booking, [0], replace(OFFER, items=(PADS,)))
    bookings.complete_work(scene.staff, booking.id)
    return extension.id, payments_of(PaymentPurpose.EXTENSION, extension.id)[0].id


def hear_twice(app: Flask, payment_id: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hear at once that the money came, past the payment's own guard: the job and a webhook."""
    with command_transaction():
        payment = db.session.get_one(Payment, payment_id)
        payment.captured_cents, payment.succeeded_at = SUMS[0], clock.now_utc()
        payment.state, payment.stripe_charge_id = type(payment.state).SUCCEEDED, "ch_raced"
        db.session.add(
            LedgerEntry(
                payment_id=payment_id,
                kind=LedgerKind.CHARGE,
                amount_cents=SUMS[0],
                provider_reference="ch_raced",
                occurred_at=clock.now_utc(),
            )
        )
    meet_after(monkeypatch, money, "lock_extension", Meeting(2))

    def hear() -> None:
        with command_transaction():
            money.paid(db.session.get_one(Payment, payment_id))

    assert [one for one in at_once(app, [hear, hear]) if isinstance(one, Exception)] == []
    db.session.rollback()


def captures_told(extension_id: uuid.UUID) -> int:
    entries = db.session.query(AuditEntry).filter_by(entity_id=extension_id, action="extension.money")
    return sum(entry.after["authorization_status"] == "CAPTURED" for entry in entries)


def test_without_the_guard_one_capture_is_counted_twice(
    committed_app: Flask,
    scene: Extending,
    booking: Booking,
    provider: Provider,
    unguarded: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extension_id, payment_id = completed(scene, booking, provider)
    hear_twice(committed_app, payment_id, monkeypatch)
    assert captures_told(extension_id) == 2


def test_one_capture_is_counted_once(
    committed_app: Flask, scene: Extending, booking: Booking, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes second finds it captured by the same payment, and nothing is sent back."""
    extension_id, payment_id = completed(scene, booking, provider)
    hear_twice(committed_app, payment_id, monkeypatch)
    assert captures_told(extension_id) == 1
    assert db.session.query(Document).filter_by(purpose_id=payment_id).count() == 1
    assert db.session.get_one(Payment, payment_id).refunds == []
    assert fresh(extension_id).captured_amount_cents == SUMS[0]


def test_two_workers_and_two_people_take_the_money_once(
    committed_app: Flask, scene: Extending, booking: Booking, provider: Provider
) -> None:
    save_card(booking, provider)
    extension = scene.held(booking)
    extension_id, booking_id, staff_id = extension.id, booking.id, scene.staff.id
    complete = lambda: bookings.complete_work(by(staff_id), booking_id)  # noqa: E731 - two people, one button
    at_once(committed_app, [complete, complete])
    payment_id = payments_of(PaymentPurpose.EXTENSION, extension_id)[0].id
    at_once(committed_app, [lambda: capture_held(payment_id)] * 2)
    db.session.rollback()
    capture_held(payment_id)
    charged = db.session.query(LedgerEntry).filter_by(payment_id=payment_id).all()
    assert [entry.amount_cents for entry in charged] == [SUMS[0] + SUMS[1]]
    assert fresh(extension_id).authorization_status is Auth.CAPTURED
    assert db.session.get_one(Booking, booking_id).status is BookingStatus.READY_FOR_RETURN
    assert breaches() == []
