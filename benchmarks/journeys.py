"""One customer's booking with its extensions, lived through stubbornly: whatever fails is tried again."""

import http.client
import random
import time
import urllib.parse
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.errors import DomainError
from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionStatus
from b2c_web.extensions.queries import digest_of, view_of
from b2c_web.flask_extensions import db
from benchmarks import data, garage, visitors
from benchmarks.house import say
from benchmarks.households import Household

PATIENCE_SECONDS = 420
PAUSE_SECONDS = 0.4
CARDS = ("visa", "visa", "mastercard", "authenticate_once", "authenticate_always", "refund_later")
BACKUP_CARDS = ("mastercard", "visa")
Status = AuthorizationStatus
DECIDED = (Status.AUTHORIZED, Status.CAPTURED, Status.RELEASED)
WANTS_CUSTOMER = (Status.REQUIRES_ACTION, Status.FAILED)


class StuckError(RuntimeError):
    """Nothing moved for PATIENCE_SECONDS."""


class Journey:
    """`run` gives how it ended: "completed", "cancelled", "hold over", or "stuck"."""

    def __init__(self, home: Household, app: Flask, wanted: data.Wanted, chance: random.Random) -> None:
        self.home, self.app, self.wanted, self.chance = home, app, wanted, chance
        self.cookies: dict[UUID, tuple[str, str]] = {}
        self.step = "book"

    def run(self) -> str:
        try:
            booking_id = self._stubborn("book", self._book)
            if not self._pay(booking_id):
                return "hold over"
            self._stubborn("take in", lambda: self._take_in(booking_id))
            for number in range(1, self.chance.choice([1, 1, 2]) + 1):
                self._extend(booking_id, number)
            return self._finish(booking_id)
        except StuckError as stuck:
            say(f"stuck: {stuck}; {self._stands()}")
            return "stuck"

    def _stands(self) -> str:
        """Where the customer's booking and its money stand, for whoever looks into it."""
        query = """SELECT b.status || ' ' || coalesce(string_agg(p.purpose || ' ' || p.attempt || ' ' || p.state || ' '
            || coalesce(p.stripe_checkout_session_id, 'no page') || ' ' || coalesce(p.failure_code, ''), '; '), '')
            FROM bookings b LEFT JOIN payments p ON p.user_id = b.user_id WHERE b.user_id = :user GROUP BY b.id"""
        with self.app.app_context():
            try:
                return str(db.session.scalars(text(query), {"user": self.wanted.user_id}).all())
            except SQLAlchemyError as error:
                return str(error)[:100]
            finally:
                self._let_go()

    # -- until the car is in the workshop

    def _book(self) -> UUID:
        made = select(Booking.id).filter_by(user_id=self.wanted.user_id).order_by(Booking.created_at.desc())
        known = db.session.scalar(made.limit(1))
        db.session.rollback()
        return known or garage.claim(self.wanted)

    def _pay(self, booking_id: UUID) -> bool:
        """On the payment page, with the card that extensions are held on later; some never come back from it."""
        comes_back = self.chance.random() < 0.6
        card = self.chance.choice(CARDS)

        def paid() -> bool | None:
            status = self._read(Booking, booking_id).status
            if status is BookingStatus.PENDING:
                page = self._get(f"/bookings/{booking_id}/payment")
                self._pay_on(page, card)
                if comes_back:
                    self._get(f"/bookings/{booking_id}/payment/return")
                return None
            return status is not BookingStatus.CANCELLED

        return bool(self._until("pay", paid))

    def _pay_on(self, page: str | None, card: str) -> None:
        path = urllib.parse.urlsplit(page or "").path
        if path.startswith("/c/pay/"):
            self.home.control("POST", f"sessions/{path.rpartition('/')[2]}/pay", card=card, confirm=True)

    def _take_in(self, booking_id: UUID) -> bool:
        booking = self._read(Booking, booking_id)
        if booking.work_started_at is None:
            if booking.status is BookingStatus.IN_WORKSHOP:
                garage.begin(self.wanted.workshop_id, booking_id)
            else:
                garage.take_in(self.wanted.workshop_id, booking_id, self.wanted.number)
        return True

    # -- extensions

    def _extend(self, booking_id: UUID, number: int) -> None:
        extension_id = self._stubborn("raise", lambda: self._raise(booking_id, number))
        ticked = self.chance.choice([(0,), (0, 1), (0, 1, 2), ()])
        self._until("decide", lambda: self._decide(extension_id, ticked))
        if ticked:
            self._until("hold", lambda: self._hold(extension_id))

    def _raise(self, booking_id: UUID, number: int) -> UUID:
        made = select(Extension.id).filter_by(booking_id=booking_id).order_by(Extension.requested_at)
        known = db.session.scalars(made).all()
        db.session.rollback()
        return known[number - 1] if len(known) >= number else garage.find_more(self.wanted.workshop_id, booking_id)

    def _decide(self, extension_id: UUID, ticked: tuple[int, ...]) -> bool:
        extension = self._read(Extension, extension_id)
        if extension.status is not ExtensionStatus.PENDING:
            return True
        shown = digest_of(extension)
        items = view_of(extension_id).items
        db.session.rollback()
        cents = sum(one.sum_cents for one in items if one.index in ticked)
        form: list[tuple[str, Any]] = [("shown", shown), ("amount_cents", cents), *(("item", one) for one in ticked)]
        self._post(f"/extensions/{extension_id}/{'approval' if ticked else 'refusal'}", form)
        return False

    def _hold(self, extension_id: UUID) -> bool:
        """Held, on another card when the bank says no; some customers give up and leave it unpaid."""
        status = self._read(Extension, extension_id).authorization_status
        if status in WANTS_CUSTOMER:
            if self.chance.random() < 0.1:
                return True
            page = self._post(f"/extensions/{extension_id}/payment/page", [])
            self._pay_on(page, self.chance.choice(BACKUP_CARDS))
            if self.chance.random() < 0.5:
                self._get(f"/extensions/{extension_id}/payment/return")
        return status in DECIDED

    # -- the end

    def _finish(self, booking_id: UUID) -> str:
        cancels = self.chance.random() < 0.08
        leaves_out = self.chance.random() < 0.25
        if cancels:
            self._stubborn("cancel", lambda: garage.call_off(self.wanted.workshop_id, booking_id))
            return "cancelled"
        self._until("complete", lambda: self._complete(booking_id, leaves_out))
        self._until("settle", lambda: self._read(Booking, booking_id).status is BookingStatus.READY_FOR_RETURN)
        return "completed"

    def _complete(self, booking_id: UUID, leaves_out: bool) -> bool:
        if self._read(Booking, booking_id).service_completed_at is not None:
            return True
        undone, cents = garage.bill(booking_id, leaves_out)
        db.session.rollback()
        form: list[tuple[str, Any]] = [("amount_cents", cents), *(("not_done", one) for one in undone)]
        self._post(f"/workshop/bookings/{booking_id}/completion", form, staff=True)
        return False

    # -- how anything is done

    def _stubborn(self, step: str, act: Callable[[], Any]) -> Any:
        """Until it was done once; `act` looks first whether it was, since its answer may have been lost."""
        return self._until(step, act)

    def _until(self, step: str, act: Callable[[], Any]) -> Any:
        """Until `act` gives something else than None or False. Raises StuckError."""
        deadline, last = time.monotonic() + PATIENCE_SECONDS, ""
        while time.monotonic() < deadline:
            with self.app.app_context():
                try:
                    result = act()
                    if result is not None and result is not False:
                        return result
                    if step == "pay" and result is False:
                        return result
                except (SQLAlchemyError, DomainError, OSError, http.client.HTTPException) as error:
                    last = f"{type(error).__name__} {error}"[:200]
                finally:
                    self._let_go()
            time.sleep(self.chance.uniform(0.5, 1.5) * PAUSE_SECONDS)
        raise StuckError(f"{step}, customer {self.wanted.number} {self.wanted.user_id}: {last}")

    def _let_go(self) -> None:
        try:
            db.session.remove()
        except SQLAlchemyError:
            db.session.registry.clear()

    def _read(self, kind: Any, thing_id: UUID) -> Any:
        found = db.session.get_one(kind, thing_id, populate_existing=True)
        db.session.expunge(found) if kind is Booking else None
        return found

    def _get(self, path: str) -> str | None:
        return self._request("GET", path, "", staff=False)

    def _post(self, path: str, form: list[tuple[str, Any]], *, staff: bool = False) -> str | None:
        _cookie, csrf = self._browser(staff)
        return self._request("POST", path, urllib.parse.urlencode([("csrf_token", csrf), *form]), staff=staff)

    def _request(self, method: str, path: str, body: str, *, staff: bool) -> str | None:
        """Sends it as a browser would; the address that the answer leads to. Raises OSError, HTTPException."""
        cookie, _csrf = self._browser(staff)
        head = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie, "Accept-Language": "de"}
        connection = http.client.HTTPConnection("127.0.0.1", self.home.port, timeout=20)
        try:
            connection.request(method, path, body, head)
            answer = connection.getresponse()
            answer.read()
            return answer.headers.get("Location")
        finally:
            connection.close()

    def _browser(self, staff: bool) -> tuple[str, str]:
        """Cookie and form token of the customer, or of one of the workshop's staff."""
        user_id = garage.staff_of(self.wanted.workshop_id).id if staff else self.wanted.user_id
        db.session.rollback()
        if user_id not in self.cookies:
            with self.app.test_request_context():
                session, csrf = visitors.signed_in(self.app, db.session.get_one(User, user_id))
                db.session.commit()
                self.cookies[user_id] = (visitors.cookie_of(self.app, session), csrf)
        return self.cookies[user_id]
