"""Networks, waiting times, and how attempts are counted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from b2c_web.accounts import limits
from b2c_web.accounts.models import CredentialAttempt
from b2c_web.clock import frozen
from b2c_web.errors import TooMany
from b2c_web.flask_extensions import db

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("203.0.113.78", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2ff:1::1", "2001:db8:1:200::/56"),
        ("2001:db8:1:200::9", "2001:db8:1:200::/56"),
        ("2001:db8:1:300::9", "2001:db8:1:300::/56"),
        ("", "unknown"),
        (None, "unknown"),
        ("no address", "unknown"),
    ],
)
def test_networks(address: str | None, network: str) -> None:
    assert limits.network_of(address) == network


def count(subject: str = "a@example.org", network: str = "203.0.113.0/24", **more: Any) -> Any:
    facts = {"per_subject": 3, "per_network": 5, **more}
    return limits.count_attempt("TEST", subject, network, **facts)


def rows() -> int:
    return db.session.scalar(select(func.count()).select_from(CredentialAttempt)) or 0


def test_the_subject_has_its_limit_and_opens_again_when_the_oldest_attempt_is_an_hour_old(session: Any) -> None:
    for minutes in (0, 10, 20):
        with frozen(NOON + timedelta(minutes=minutes)):
            count()
    with frozen(NOON + timedelta(minutes=30)), pytest.raises(TooMany) as refused:
        count()
    assert refused.value.details["retry_after_seconds"] == 30 * 60
    assert "30" in str(refused.value.message)
    with frozen(NOON + timedelta(minutes=60)):
        count()
    with frozen(NOON + timedelta(minutes=60)), pytest.raises(TooMany):
        count()


def test_refused_attempts_do_not_push_the_end_away(session: Any) -> None:
    with frozen(NOON):
        for _i in range(3):
            count()
        for _i in range(4):
            with pytest.raises(TooMany):
                count()
        assert rows() == 3


def test_the_network_has_its_own_limit_over_all_subjects(session: Any) -> None:
    with frozen(NOON):
        for n in range(5):
            count(f"{n}@example.org")
        with pytest.raises(TooMany):
            count("6@example.org")
        count("6@example.org", network="198.51.100.0/24")


def test_without_a_limit_for_the_network_only_the_subject_counts(session: Any) -> None:
    with frozen(NOON):
        for n in range(9):
            count(f"{n}@example.org", per_network=None)
        assert rows() == 9


def test_kinds_do_not_count_for_each_other(session: Any) -> None:
    with frozen(NOON):
        for _i in range(3):
            count()
        limits.count_attempt("OTHER", "a@example.org", "203.0.113.0/24", per_subject=1, per_network=1)


def test_a_success_counts_against_nobody(session: Any) -> None:
    with frozen(NOON):
        for _i in range(9):
            limits.forgive(count(per_subject=1, per_network=1))


def test_a_day_long_limit_says_at_what_time_it_opens(session: Any) -> None:
    day = timedelta(hours=24)
    with frozen(NOON):
        count(per_subject=1, window=day)
        with pytest.raises(TooMany) as refused:
            count(per_subject=1, window=day)
    assert refused.value.details["retry_after_seconds"] == 24 * 3600
    assert "12:00" in str(refused.value.message)


def test_the_table_does_not_know_the_address(session: Any) -> None:
    count()
    row = db.session.scalars(select(CredentialAttempt)).one()
    assert "example" not in row.subject
    assert len(row.subject) == 64


def test_old_attempts_are_forgotten(session: Any) -> None:
    with frozen(NOON):
        count()
    with frozen(NOON + timedelta(hours=47)):
        assert limits.purge_attempts() == 0
    with frozen(NOON + timedelta(hours=49)):
        assert limits.purge_attempts() == 1
