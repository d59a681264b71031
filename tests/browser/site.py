"""The real application on a port of this machine, on a database of its own, with the payment simulator behind it."""

import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from b2c_web import clock, jobs
from b2c_web.accounts.commands.passwords import HASHER
from b2c_web.accounts.models import Role, User
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.workshops.generation import refresh_jockey_room
from b2c_web.workshops.models import Workshop, WorkshopCapacity
from tests.contract.simulator_process import SimulatorProcess, free_port
from tests.factories import (
    make_days,
    make_jockey,
    make_ronja,
    make_services,
    make_shifts,
    make_user,
    make_workshop,
)

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
AXE_PATH = "/axe-for-tests.js"
PASSWORD = "drei Äpfel am Baum"
DAYS = 45
_HASH = HASHER.hash(PASSWORD)
CODE = re.compile(r"\b(\d{3})\s?(\d{3})\b")


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        return


@dataclass
class Site:
    """A running application. Its jobs run when a test says `work()`, so that nothing happens behind its back."""

    app: Flask
    address: str
    simulator: SimulatorProcess

    def work(self) -> list[str]:
        """Work off the jobs that are due, and the webhooks that the provider owes; returns the jobs' names."""
        done: list[str] = []
        self.simulator.control("POST", "webhooks/flush")
        with self.app.app_context():
            while (job := _next_job()) is not None:
                jobs.run_now(job.task_name, job.args)
                db.session.execute(text("DELETE FROM procrastinate_jobs WHERE id = :id"), {"id": job.id})
                db.session.commit()
                done.append(job.task_name)
        return done

    def code_for(self, email: str) -> str:
        """The login code that was mailed last to this address."""
        self.work()
        with self.app.app_context():
            query = db.session.query(Notification).filter_by(recipient=email, kind=NotificationKind.LOGIN_CODE)
            mail = query.order_by(Notification.id.desc()).first()
            assert mail is not None, f"no code was mailed to {email}"
            found = CODE.search(str(mail.body_text))
            assert found, "the mail holds no code"
            return found[1] + found[2]

    @contextmanager
    def data(self) -> Iterator[Any]:
        """The database, to prepare something or to look; committed at the end."""
        with self.app.app_context():
            yield db.session
            db.session.commit()


def _next_job() -> Any:
    row = db.session.execute(
        text(
            "SELECT id, task_name, args FROM procrastinate_jobs WHERE status = 'todo'"
            " AND (scheduled_at IS NULL OR scheduled_at <= :now) ORDER BY id LIMIT 1"
        ),
        {"now": clock.now_utc()},
    ).first()
    db.session.commit()
    return row


def furnish() -> None:
    """One workshop that can serve, with staff who can sign in with `PASSWORD`."""
    make_services()
    workshop = make_workshop(name="Werkstatt Witten", jockey_overbooking_percent=200)  # minutes as of four jockeys
    today = clock.today_in(ZONE)
    make_days(workshop, today, DAYS)
    days = db.session.query(WorkshopCapacity).order_by(WorkshopCapacity.date).all()
    for n, places in ((8, 2), (11, 0), (15, 1), (19, 0)):  # not every day looks the same
        days[n].max_bookings = places
    tomorrow = db.session.query(WorkshopCapacity).filter_by(date=today + timedelta(days=1))
    tomorrow.update({"max_bookings": 0})  # or the lead time of its next window may pass during a test
    for _n in range(6):
        make_ronja(workshop)
    jockeys = [make_jockey(workshop) for _n in range(2)]
    make_shifts(jockeys, today, DAYS)
    refresh_jockey_room(workshop.id, today)
    staff = {Role.WORKSHOP: "werkstatt", Role.ADMIN: "admin", Role.DISPATCHER: "disposition", Role.JOCKEY: "jockey"}
    people = [_staff(role, name, workshop) for role, name in staff.items()]
    jockeys[0].user_id = people[-1].id
    db.session.commit()


def _staff(role: Role, name: str, workshop: Workshop) -> User:
    place = {} if role is Role.ADMIN else {"workshop_id": workshop.id}
    return make_user(role, email=f"{name}@example.org", name=name.title(), password_hash=_HASH, **place)


def in_one_piece(app: Flask) -> Any:
    """A file is read and closed before it is sent: a browser that goes away meanwhile leaves nothing open.
    At a path of its own there is axe.
    """

    def answer(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == AXE_PATH:
            kept = {"Cache-Control": "max-age=3600"}
            return Response(AXE.read_bytes(), mimetype="text/javascript", headers=kept)(environ, start_response)
        with closing(app(environ, start_response)) as body:
            return [b"".join(body)]

    return answer


@contextmanager
def serve(app: Flask, port: int) -> Iterator[None]:
    """Answer requests in threads until the block ends."""
    server = make_server("127.0.0.1", port, in_one_piece(app), threaded=True, request_handler=_Quiet)
    worker = threading.Thread(target=server.serve_forever)
    worker.start()
    try:
        yield
    finally:
        server.shutdown()
        worker.join()
        server.server_close()


__all__ = ["PASSWORD", "Site", "free_port", "furnish", "serve"]
