"""`flask verify`: the invariants of live data, collected from every feature's `checks.py`.

A check is a function without arguments that answers a Breach. It only reads, and runs in whatever transaction the
caller has open: `flask verify` gives all of them one snapshot.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from flask import current_app
from sqlalchemy import text

from b2c_web.clock import now_utc
from b2c_web.flask_extensions import db

SHOWN = 5


@dataclass(frozen=True)
class Breach:
    """One invariant. `count` is 0 when it holds; `examples` name up to five of the rows that break it."""

    name: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


Check = Callable[[], Breach]


def by_statement(name: str, statement: str, *, late_after: timedelta = timedelta(0), minutes: str = "") -> Check:
    """A check made from one SELECT of one text column that names each broken row.

    The statement may use :now, and :late, which is `late_after` and the setting `minutes` ago.
    """
    query = text(
        f"WITH broken (example) AS ({statement})"
        f" SELECT (SELECT count(*) FROM broken), ARRAY(SELECT example FROM broken LIMIT {SHOWN})"
    )

    def check() -> Breach:
        allowed = late_after + timedelta(minutes=current_app.config[minutes] if minutes else 0)
        moments: dict[str, datetime] = {"now": now_utc(), "late": now_utc() - allowed}
        used = {key: value for key, value in moments.items() if f":{key}" in statement}
        count, examples = db.session.execute(query, used).one()
        return Breach(name, count, list(examples))

    return check


def all_checks() -> Iterator[Check]:
    """Every feature's checks, in the order of the features."""
    from b2c_web.features import ORDER

    for feature in ORDER:
        module = f"b2c_web.{feature}.checks"
        if find_spec(module) is not None:
            checks: Any = import_module(module)
            yield from checks.CHECKS


def run_checks() -> list[Breach]:
    """What every check answers, in the running transaction."""
    return [check() for check in all_checks()]


def breaches() -> list[Breach]:
    """Only what is broken; empty when all is well. For tests and benchmarks."""
    return [found for found in run_checks() if found.count]
