"""Settings: each has a default; a wrong one stops the start and is named; `flask config show` tells them all."""

import re
from datetime import date, timedelta
from pathlib import Path

import holidays
import pytest
from flask import Flask

from b2c_web import create_app
from b2c_web.cli.config import _row
from b2c_web.config import SETTINGS, ConfigError, Setting, load_settings
from b2c_web.workshops.holiday_calendar import FRIDAY, holiday_name
from b2c_web.workshops.rules import RETURN_LOOKAHEAD_DAYS

BY_NAME = {setting.name: setting for setting in SETTINGS}
PRODUCTION = {
    "B2C_ENV": "production",
    "SECRET_KEY": "k" * 32,
    "B2C_TRUSTED_PROXIES": "1",
    "STRIPE_SECRET_KEY": "sk_live_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
    "B2C_BASE_URL": "https://example.org",
}

# the business's rule table: setting -> its default
RULES = {
    "LEAD_TIME_HOURS": 24,
    "HORIZON_DAYS": 60,
    "HOLD_MINUTES": 30,
    "WINDOW_HOURS": "08-10,10-12,12-14,14-16,16-18",
    "RETURN_BUFFER_MINUTES": 120,
    "FREE_CANCEL_HOURS": 24,
    "LATE_FEE_CENTS": 2500,
    "WITHDRAWAL_DAYS": 14,
    "EARLY_DEPARTURE_MINUTES": 120,
    "NO_SHOW_CALLS": 3,
    "NO_SHOW_WAIT_MINUTES": 15,
    "NO_SHOW_FEE_CENTS": 2500,
    "NO_SHOW_OFFER_HOURS": 24,
    "EXTENSION_REMINDER_MINUTES": 60,
    "EXTENSION_STAFF_ALERT_MINUTES": 120,
    "STANDING_LIMIT_CENTS": 0,
    "AUTHORIZATION_RENEWAL_HOURS": 24,
    "REMINDER_HOURS": 24,
    "LOGIN_CODE_MINUTES": 10,
    "LOGIN_CODE_TRIES": 5,
    "HANDOVER_VIEWS": ("front", "rear", "left", "right", "dashboard"),
    "HANDOVER_SIGNATURE": True,
    "VAT_RATE_PERCENT": 19,
    "TRAVEL_DETOUR_FACTOR": 1.3,
    "TRAVEL_SPEED_KMH": 45.0,
    "TRAVEL_FIXED_MINUTES": 3.0,
    "PICKUP_HANDOVER_MINUTES": 40,
    "RETURN_HANDOVER_MINUTES": 20,
    "RONJA_CLEANING_MINUTES": 15,
    "LOCK_TIMEOUT_MS": 3000,
}


@pytest.mark.parametrize(("name", "default"), RULES.items())
def test_each_rule_of_the_business_has_its_default(name: str, default: object) -> None:
    assert load_settings({})[name] == default


def test_no_setting_is_there_twice_or_unexplained() -> None:
    assert len(BY_NAME) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.meaning
        assert setting.name.isupper()


def test_every_setting_that_the_code_reads_exists(app: Flask) -> None:
    """`config["X"]` anywhere in the application is a setting, or one that Flask and its extensions know."""
    source = "\n".join(path.read_text() for path in Path(app.root_path, "b2c_web").rglob("*.py"))
    read = set(re.findall(r'config\["([A-Z_]+)"\]', source))
    assert len(read & set(BY_NAME)) > 20
    assert read <= set(app.config)


def test_every_setting_is_read_somewhere(app: Flask) -> None:
    root = Path(app.root_path)
    code = [path for path in (root / "b2c_web").rglob("*.py") if not path.name.startswith("config")]
    pages = [path for path in (root / "templates").rglob("*") if path.is_file()]
    files = [*code, *pages, root / "gunicorn.conf.py", root / "app.py"]
    words = {word for path in files for word in re.findall(r"\w+", path.read_text())}
    assert set(BY_NAME) - words == set()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("B2C_ENV", "staging"),
        ("DATABASE_URL", "mysql://x"),
        ("B2C_BASE_URL", "example.org"),
        ("B2C_BASE_URL", ""),
        ("B2C_BASE_URL", "http://"),
        ("B2C_BASE_URL", "https://:8000"),
        ("B2C_BASE_URL", "https://example.org/app"),
        ("B2C_BASE_URL", "https://example.org?x=1"),
        ("B2C_BASE_URL", "https://user@example.org"),
        ("B2C_BASE_URL", "https://example org"),
        ("B2C_INSTANCE_DIR", "relative"),
        ("B2C_TRUSTED_PROXIES", "-1"),
        ("DEMO_MODE", "yes"),
        ("LEAD_TIME_HOURS", "a day"),
        ("HOLD_MINUTES", "29"),
        ("WINDOW_HOURS", "10-08"),
        ("WINDOW_HOURS", "eight"),
        ("WINDOW_HOURS", "08-10,09-11"),
        ("WINDOW_HOURS", "10-12,08-10"),
        ("RETURN_OFFER_DAYS", "7"),
        ("TRAVEL_SPEED_KMH", "0"),
        ("HANDOVER_VIEWS", "front side,rear"),
        ("HANDOVER_VIEWS", ""),
        ("HANDOVER_VIEWS", "front,rear,left,right"),
        ("HANDOVER_VIEWS", "front,rear,left,dashboard,trunk"),
        ("HANDOVER_SIGNATURE", "2"),
        ("MAIL_PORT", "70000"),
        ("MAIL_SENDER", ""),
        ("MAIL_SENDER", "no address"),
        ("MAIL_SENDER", "Ronja <buchung>"),
        ("OPERATOR_EMAIL", ""),
        ("OPERATOR_EMAIL", "nonsense"),
        ("OPERATOR_EMAIL", "Ronja <hilfe@example.org>"),
        ("STRIPE_API_BASE", "localhost:12111"),
        ("STRIPE_API_BASE", "http://"),
        ("STRIPE_SECRET_KEY", "pk_test_x"),
    ],
)
def test_a_wrong_value_stops_the_start_and_is_named(name: str, wrong: str) -> None:
    with pytest.raises(ConfigError) as stopped:
        create_app({name: wrong})
    assert str(stopped.value).startswith(f"{name}=")
    assert BY_NAME[name].secret or wrong in str(stopped.value)
    assert BY_NAME[name].meaning in str(stopped.value)


def test_every_number_refuses_what_is_none() -> None:
    for setting in SETTINGS:
        if re.fullmatch(r"-?[0-9.]+", setting.default) and setting.unit not in ("", "cents"):
            with pytest.raises(ConfigError, match=setting.name):
                load_settings({setting.name: "many"})


def test_a_wrong_secret_is_named_and_not_shown() -> None:
    with pytest.raises(ConfigError) as stopped:
        load_settings({"DATABASE_URL": "mysql://root:hush@db/x"})
    assert "hush" not in str(stopped.value)
    assert "DATABASE_URL=(hidden)" in str(stopped.value)


def test_production_with_all_that_it_needs_starts() -> None:
    assert load_settings(PRODUCTION)["DEMO_MODE"] is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("STRIPE_SECRET_KEY", ""),
        ("STRIPE_SECRET_KEY", "sk_test_abc"),
        ("STRIPE_SECRET_KEY", "rk_test_abc"),
        ("STRIPE_SECRET_KEY", "pk_live_x"),
        ("STRIPE_WEBHOOK_SECRET", ""),
        ("STRIPE_API_BASE", "http://127.0.0.1:1"),
        ("DEMO_MODE", "1"),
        ("B2C_BASE_URL", "http://example.org"),
    ],
)
def test_production_refuses_what_only_a_demo_may(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load_settings({**PRODUCTION, name: value})


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("B2C_BASE_URL", "https://ronja.example.org/", "https://ronja.example.org"),
        ("B2C_BASE_URL", "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("B2C_BASE_URL", "http://[::1]:8000", "http://[::1]:8000"),
        ("B2C_BASE_URL", "http://localhost", "http://localhost"),
        ("B2C_INSTANCE_DIR", "/srv/ronja/", "/srv/ronja"),
        ("WINDOW_HOURS", "08-12,13-17", "08-12,13-17"),
        (
            "HANDOVER_VIEWS",
            "dashboard,front,rear,left,right,roof",
            ("dashboard", "front", "rear", "left", "right", "roof"),
        ),
        ("MAIL_SENDER", "buchung@example.org", "buchung@example.org"),
        ("STRIPE_SECRET_KEY", "rk_test_x", "rk_test_x"),
    ],
)
def test_what_may_be_said_is_taken(name: str, value: str, read: object) -> None:
    assert load_settings({name: value})[name] == read


def test_production_takes_a_restricted_key() -> None:
    assert load_settings({**PRODUCTION, "STRIPE_SECRET_KEY": "rk_live_x"})["STRIPE_SECRET_KEY"] == "rk_live_x"


@pytest.mark.parametrize(("default", "most"), [("15000", "100000"), ("20000", "10000"), ("100000", "100000")])
def test_a_default_limit_is_one_that_can_be_chosen(default: str, most: str) -> None:
    with pytest.raises(ConfigError, match=r"^STANDING_LIMIT_CENTS: must be one of 0, 5000, .*STANDING_LIMIT_MAX_CENTS"):
        load_settings({"STANDING_LIMIT_CENTS": default, "STANDING_LIMIT_MAX_CENTS": most})


def test_so_many_days_of_returns_always_lie_within_the_days_that_are_read() -> None:
    """From any working day on, in every federal state, also around Christmas and Easter."""
    first, most = date(2026, 1, 1), 6
    assert load_settings({"RETURN_OFFER_DAYS": str(most)})["RETURN_OFFER_DAYS"] == most
    for state in holidays.Germany.subdivisions:
        days = [first + timedelta(number) for number in range(12 * 365)]
        works = [day.weekday() <= FRIDAY and holiday_name(state, day) is None for day in days]
        spans = (works[n : n + RETURN_LOOKAHEAD_DAYS + 1] for n, work in enumerate(works[:-30]) if work)
        assert min(sum(span) for span in spans) >= most


def test_a_heroku_style_database_address_is_taken() -> None:
    for given in ("postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"):
        assert load_settings({"DATABASE_URL": given})["DATABASE_URL"] == "postgresql+psycopg://u@h/d"


# flask config show


def test_config_show_tells_every_setting(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)
    monkeypatch.setenv("HOLD_MINUTES", "45")
    monkeypatch.setenv("SECRET_KEY", "do not show me")
    result = app.test_cli_runner().invoke(args=["config", "show"])
    assert result.exit_code == 0
    lines = {line[3:].split()[0]: line for line in result.output.splitlines() if line[3:].strip()}
    for setting in SETTINGS:
        assert setting.meaning in lines[setting.name]
    assert re.match(r"\*  HOLD_MINUTES +45 +min +30 +hold", lines["HOLD_MINUTES"])
    assert lines["LEAD_TIME_HOURS"].startswith("   LEAD_TIME_HOURS")
    assert "do not show me" not in result.output
    assert lines["SECRET_KEY"].startswith("*  SECRET_KEY")
    assert f"{len(SETTINGS)} settings, 2 differ" in result.output


def test_config_show_can_tell_the_changed_ones_only(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)
    monkeypatch.setenv("BRAND_NAME", "Ahorn")
    result = app.test_cli_runner().invoke(args=["config", "show", "--changed"])
    assert "Ahorn" in result.output
    assert "HOLD_MINUTES" not in result.output


def test_a_default_is_never_hidden() -> None:
    secret = Setting("X", "plain", str, "", "a test", secret=True)
    assert _row(secret, {}) == ("", "X", "(hidden)", "", "plain", "a test")
    assert _row(secret, {"X": "mine"}) == ("*", "X", "(hidden)", "", "plain", "a test")
