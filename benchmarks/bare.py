"""The floor of the calendar: a bare Flask app that renders the same rows through the same template.

/<workshop>   reads the same windows with one statement of bare psycopg, counts places, renders
/             the same with rows that it keeps in memory: no database at all

No rules (jockeys, Ronjas, lead time), no drafts, sessions, security headers, limits or language choice.
"""

import os
import pickle
import threading
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
from flask import Flask, render_template
from flask_babel import Babel

from b2c_web import formatting, page_frame
from b2c_web.bookings import calendar_view
from b2c_web.bookings.availability import WINDOWS, Answer, Day, Question
from b2c_web.config import load_settings
from b2c_web.workshops.rules import Block, DayState, Offer, Window

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = "bookings/_date.html"
STATEMENT = WINDOWS.element.text
for _name in ("workshop", "first", "last"):
    STATEMENT = STATEMENT.replace(f":{_name}", f"%({_name})s")


def create_app() -> Flask:
    """For the web server, from its environment.

    BARE_DATABASE: for psycopg. BARE_ROWS: a file with a pickled (question, answer, day) of one visitor: the settled
    part of the page, the rows in memory, and the day that the product opens (without its rules it would be another one,
    and on a month's last day another month).
    """
    database, given = os.environ["BARE_DATABASE"], Path(os.environ["BARE_ROWS"])
    app = Flask("bare", root_path=str(ROOT))
    app.config.from_mapping(load_settings({}))
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(ROOT / "translations")
    Babel(app, default_locale="de", locale_selector=lambda: "de")
    formatting.init_app(app)
    page_frame.init_app(app)
    question, kept, day = pickle.loads(given.read_bytes())  # noqa: S301 - our own file, made a moment ago
    connections = threading.local()

    @app.get("/")
    def from_memory() -> str:
        return page(question, kept, day)

    @app.get("/<uuid:workshop>")
    def from_the_database(workshop: Any) -> str:
        if not hasattr(connections, "one"):
            connections.one = psycopg.connect(database, autocommit=True)
        first, last = kept.days[0].day, kept.days[-1].day
        asked = {"workshop": workshop, "first": first, "last": last}
        return page(question, answer(connections.one.execute(STATEMENT, asked).fetchall(), kept), day)

    return app


def page(question: Question, rows: Answer, day: date) -> str:
    view = calendar_view.build(rows, question, calendar_view.Choice(day=day), waiting=True)
    return render_template(TEMPLATE, calendar=view, form=SimpleNamespace(errors={}), fragment=True)


def answer(rows: list[Any], kept: Answer) -> Answer:
    """The rows as the template wants them: a day with its windows, each with the places that are left."""
    by_day = {day: list(group) for day, group in groupby(rows, key=lambda row: row[3])}
    days = [_day(kept.days[0].day + timedelta(days=n), by_day) for n in range(len(kept.days))]
    return Answer(days, kept.price, kept.total_cents, kept.judge)


def _day(day: date, by_day: dict[date, list[Any]]) -> Day:
    offers = []
    for row in by_day.get(day, ()):
        window = Window(*row[:13])
        places = window.max_bookings - window.current_bookings
        offers.append(Offer(window, None if places else Block.SLOT_FULL, places))
    places = sum(offer.places for offer in offers)
    state = DayState.FREE if places > 3 else DayState.FEW if places else DayState.FULL
    return Day(day, state, places, None, None, offers)
