"""People in front of the wizard, prepared in the database: drafts, sessions, cookies, and the requests they send."""

import hashlib
from typing import Any

from flask import Flask, current_app, g
from flask import session as cookie
from flask_wtf.csrf import generate_csrf
from uuid_utils.compat import uuid7

from b2c_web.accounts import sessions
from b2c_web.accounts.models import User
from b2c_web.bookings import drafts
from b2c_web.bookings.models import BookingDraft
from b2c_web.catalog.models import ServiceType
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import VehicleClass
from benchmarks import data


def cookie_of(app: Flask, session: dict[str, Any]) -> str:
    """The Cookie header of a browser with this session."""
    serializer: Any = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return f"{app.config['SESSION_COOKIE_NAME']}={serializer.dumps(session)}"


def get(path: str, cookie: str, *, target: str = "") -> str:
    """A GET as a German browser sends it, by htmx for the part of the page that is the `target`."""
    htmx = f"HX-Request: true\r\nHX-Target: {target}\r\n" if target else ""
    return f"GET {path} HTTP/1.1\r\n{_head(cookie)}{htmx}\r\n"


def post(path: str, cookie: str, body: str) -> str:
    """A form sent by a browser."""
    form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
    return f"POST {path} HTTP/1.1\r\n{_head(cookie)}{form}\r\n{body}"


def _head(cookie: str) -> str:
    return f"Host: 127.0.0.1\r\nAccept: text/html\r\nAccept-Language: de\r\nCookie: {cookie}\r\n"


def at_the_calendar(app: Flask) -> list[str]:
    """One visitor for each workshop, who asks for the month as a fragment. In the application's context."""
    requests, services = [], list(ServiceType)
    for number, workshop in enumerate(data.workshops()):
        token = f"visitor-{number}"
        draft = BookingDraft(
            id=uuid7(), browser_hash=hashlib.sha256(token.encode()).hexdigest(), postal_code=workshop.postal_code,
            vehicle_class=VehicleClass.MIDSIZE, service=services[number % 4], include_concierge=True, car_details={},
        )  # fmt: skip
        db.session.add(draft)
        cookie = cookie_of(app, {"browser": token})
        requests.append(get(f"/book/{draft.id}/date", cookie, target="date"))
    db.session.commit()
    return requests


def before_the_button(app: Flask, wanted: list[data.Wanted]) -> list[str]:
    """A signed-in customer for each wanted booking, with everything filled in, who presses the button that books."""
    requests = []
    with app.test_request_context():
        for one in wanted:
            draft = _complete_draft(one)
            db.session.add(draft)
            db.session.commit()
            user = db.session.get_one(User, one.user_id)
            session, csrf = signed_in(app, user)
            body = f"csrf_token={csrf}&shown_total_cents={one.total_cents}&shown={drafts.digest(draft)}"
            requests.append(post(f"/book/{draft.id}/summary", cookie_of(app, session), body))
        db.session.commit()
        db.session.remove()
    return requests


def _complete_draft(one: data.Wanted) -> BookingDraft:
    return BookingDraft(
        id=uuid7(), browser_hash="0" * 64, user_id=one.user_id, postal_code=one.postal_code,
        vehicle_class=one.vehicle_class, service=one.service, include_concierge=one.return_slot_id is not None,
        slot_id=one.slot_id, return_slot_id=one.return_slot_id, name="Person am Beispielweg", phone="+491713920000",
        street="Am Beispielweg 12", city="Musterort", car_details={}, shown_total_cents=one.total_cents,
        terms_version=current_app.config["TERMS_VERSION"],
    )  # fmt: skip


def signed_in(app: Flask, user: User) -> tuple[dict[str, Any], str]:
    """The session cookie's content of a signed-in browser, and the token for its forms."""
    cookie.clear()
    for name in ("csrf_token", "_login_user"):
        g.pop(name, None)
    cookie["token"] = sessions.open_session(user)
    cookie.permanent = True
    csrf = generate_csrf()
    return dict(cookie), csrf
