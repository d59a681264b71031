"""Settings: environment -> typed values, each with its default and unit. A wrong value stops the start by name.

`flask config show` prints this table. Rules of the business carry the defaults of the domain's rule table.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from click import ClickException


class ConfigError(ClickException):
    """A setting is missing or wrong; the message names the setting and the way out.

    `flask` shows it as one line instead of a traceback.
    """


@dataclass(frozen=True)
class Setting:
    """One setting: `name` in the environment and in app.config, how to read it, its unit and meaning."""

    name: str
    default: str
    read: Callable[[str], Any]
    unit: str
    meaning: str
    secret: bool = False


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(f"must be between {low} and {high}")
        return value

    return read


def _decimal(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError(f"must be between {low} and {high}")
        return value

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError("must be one of " + ", ".join(words))
        return text

    return read


def _flag(text: str) -> bool:
    return _one_of("0", "1")(text) == "1"


def _words(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not all(word.isidentifier() for word in words):
        raise ValueError("must be words with commas between them")
    return words


def _url(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return text.rstrip("/")


def _folder(text: str) -> str:
    if text and not text.startswith("/"):
        raise ValueError("must be a folder's whole path, beginning with /")
    return text.rstrip("/")


def _bucket(text: str) -> str:
    if text and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", text):
        raise ValueError("must be a bucket's name: 3 to 63 small letters, digits, dots, hyphens")
    return text


def _region(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,40}", text):
        raise ValueError("must be a region such as eu-central-1")
    return text


def _database_url(text: str) -> str:
    if not text.startswith(("postgresql://", "postgresql+psycopg://", "postgres://")):
        raise ValueError("must be a PostgreSQL address such as postgresql://user@host/database")
    rest = text.split("://", 1)[1]
    return f"postgresql+psycopg://{rest}"


def _hour_pairs(text: str) -> str:
    for part in text.split(","):
        low, high = part.split("-")
        if not 0 <= int(low) < int(high) <= 24:
            raise ValueError("must be hours such as 08-10,10-12")
    return text


SETTINGS: tuple[Setting, ...] = (
    # where and how it runs
    Setting(
        "B2C_ENV",
        "development",
        _one_of("development", "test", "production"),
        "",
        "which kind of installation",
    ),
    Setting(
        "DATABASE_URL",
        "",
        lambda t: _database_url(t) if t else "",
        "",
        "PostgreSQL; empty: our own server below instance/",
        True,
    ),
    Setting("SECRET_KEY", "", str, "", "signs cookies; at least 32 characters in production", True),
    Setting("B2C_BASE_URL", "http://127.0.0.1:8000", _url, "", "address that customers see, for links in messages"),
    Setting("B2C_TRUSTED_PROXIES", "0", _whole(0, 5), "proxies", "reverse proxies in front that set X-Forwarded-*"),
    Setting("DB_POOL_SIZE", "10", _whole(1, 100), "connections", "database connections kept per process"),
    Setting(
        "DEMO_MODE",
        "",
        lambda t: t if t == "" else _flag(t),
        "",
        "1: shows /dev/outbox and demo logins; empty: on except in production",
    ),
    Setting("PORT", "8000", _whole(1, 65535), "", "port of the web server"),
    Setting("B2C_BIND", "127.0.0.1", str, "", "address that the web server listens on"),
    Setting("WEB_PROCESSES", "2", _whole(1, 64), "processes", "web processes"),
    Setting("WEB_THREADS", "8", _whole(1, 64), "threads", "threads of each web process"),
    Setting("B2C_ACCESS_LOG", "1", _flag, "", "1: a log line for each request"),
    Setting("B2C_INSTANCE_DIR", "", str, "", "folder for everything that is written; empty: instance/ of the clone"),
    Setting("B2C_POSTGRES_BIN", "", str, "", "folder with PostgreSQL's programs; empty: the wheel's, else Debian's"),
    # names shown
    Setting("BRAND_NAME", "Ronja", str, "", "name of the product on every page"),
    Setting("OPERATOR_NAME", "Betreiber der Anwendung", str, "", "who runs it, for imprint and messages"),
    Setting("OPERATOR_ADDRESS", "58452 Witten", str, "", "address of who runs it"),
    Setting("OPERATOR_PHONE", "+492302000000", str, "", "phone of who runs it"),
    Setting("OPERATOR_EMAIL", "hilfe@example.org", str, "", "mail address of who runs it"),
    # booking rules
    Setting("LEAD_TIME_HOURS", "24", _whole(0, 720), "h", "lead time before a window can be booked"),
    Setting("HORIZON_DAYS", "60", _whole(1, 365), "days", "how far ahead the calendar reaches"),
    Setting("HOLD_MINUTES", "30", _whole(30, 1440), "min", "hold while paying; Checkout Sessions live no shorter"),
    Setting("HOLDS_PER_ADDRESS_PER_DAY", "6", _whole(1, 1000), "holds", "new holds per mail address and day"),
    Setting(
        "HOLDS_PER_NETWORK_PER_DAY",
        "30",
        _whole(1, 1_000_000),
        "holds",
        "new holds per network (/24, /56) and day",
    ),
    Setting(
        "WINDOW_HOURS",
        "08-10,10-12,12-14,14-16,16-18",
        _hour_pairs,
        "hours",
        "windows of a working day, Mon-Fri",
    ),
    Setting("RETURN_BUFFER_MINUTES", "120", _whole(0, 1440), "min", "return not before pickup + duration + this"),
    Setting(
        "RETURN_OFFER_DAYS",
        "2",
        _whole(1, 14),
        "open days",
        "return windows offered on the pickup day and the open days after it, in all",
    ),
    Setting("FREE_CANCEL_HOURS", "24", _whole(0, 720), "h", "cancel or move free up to this before pickup"),
    Setting("LATE_FEE_CENTS", "2500", _whole(0, 100_000), "cents", "kept for a late cancellation or move"),
    Setting("NO_SHOW_FEE_CENTS", "2500", _whole(0, 100_000), "cents", "kept for a no-show"),
    Setting(
        "NO_SHOW_OFFER_HOURS",
        "24",
        _whole(1, 720),
        "h",
        "a new date is offered for this long after a no-show",
    ),
    Setting(
        "MOVE_OFFER_HOURS", "72", _whole(1, 720), "h", "a customer who is asked to take another date can answer so long"
    ),
    Setting("NO_SHOW_CALLS", "3", _whole(0, 10), "calls", "call attempts before a no-show can be recorded"),
    Setting("NO_SHOW_WAIT_MINUTES", "15", _whole(0, 120), "min", "waiting before a no-show can be recorded"),
    Setting(
        "HANDOVER_VIEWS",
        "front,rear,left,right,dashboard",
        _words,
        "photos",
        "views that a handover shows, one photo of each at least",
    ),
    Setting("HANDOVER_SIGNATURE", "1", _flag, "", "1: a handover needs the customer's signature"),
    Setting("WITHDRAWAL_DAYS", "14", _whole(0, 60), "days", "withdrawal without any fee after booking"),
    Setting("STANDING_LIMIT_CENTS", "0", _whole(0, 10_000_000), "cents", "default standing limit for extensions"),
    Setting(
        "STANDING_LIMIT_MAX_CENTS",
        "100000",
        _whole(0, 10_000_000),
        "cents",
        "highest standing limit that can be chosen",
    ),
    Setting("REMINDER_HOURS", "24", _whole(1, 168), "h", "reminder before pickup"),
    Setting("REVIEW_REQUEST_HOURS", "2", _whole(0, 168), "h", "review request after completion"),
    Setting(
        "EXTENSION_REMINDER_MINUTES",
        "60",
        _whole(1, 10_000),
        "min",
        "customer asked again about an extension",
    ),
    Setting(
        "EXTENSION_STAFF_ALERT_MINUTES",
        "120",
        _whole(1, 10_000),
        "min",
        "staff told about an unanswered extension",
    ),
    Setting("EXTENSION_LINK_HOURS", "72", _whole(1, 720), "h", "life of the mailed link to an extension"),
    Setting(
        "AUTHORIZATION_RENEWAL_HOURS",
        "24",
        _whole(1, 168),
        "h",
        "card authorisation renewed before it lapses",
    ),
    Setting("VAT_RATE_PERCENT", "19", _whole(0, 30), "%", "VAT contained in every price"),
    Setting("TERMS_VERSION", "2026-11", str, "", "version of the terms that a booking stores"),
    # travel and fleet
    Setting("TRAVEL_DETOUR_FACTOR", "1.3", _decimal(1, 5), "", "road distance over great-circle distance"),
    Setting("TRAVEL_SPEED_KMH", "45", _decimal(1, 200), "km/h", "average speed"),
    Setting("TRAVEL_FIXED_MINUTES", "3", _decimal(0, 60), "min", "added to each way"),
    Setting("PICKUP_HANDOVER_MINUTES", "40", _whole(0, 240), "min", "pickup beyond both ways: 20 + 15 + 5"),
    Setting("RETURN_HANDOVER_MINUTES", "20", _whole(0, 240), "min", "return beyond both ways: 15 + 5"),
    Setting("RONJA_CLEANING_MINUTES", "15", _whole(0, 240), "min", "cleaning before a Ronja goes out again"),
    Setting(
        "RONJA_SERVICE_LEAD_DAYS",
        "1",
        _whole(0, 60),
        "days",
        "a Ronja leaves planning this long before its service date",
    ),
    Setting(
        "RONJA_SERVICE_LEAD_KM",
        "500",
        _whole(0, 10_000),
        "km",
        "a Ronja leaves planning this far before its service mileage",
    ),
    Setting(
        "FEW_LEFT_PLACES",
        "3",
        _whole(1, 50),
        "places",
        "a day or window with at most so many places says how many",
    ),
    Setting("CALENDAR_REUSE", "1", _flag, "", "1: give a calendar out again while nothing in it has changed"),
    Setting(
        "LOCK_TIMEOUT_MS",
        "3000",
        _whole(100, 60_000),
        "ms",
        "longest wait for a scarce thing before 'busy, try again'",
    ),
    # accounts
    Setting("LOGIN_CODE_MINUTES", "10", _whole(1, 120), "min", "life of a mailed login code"),
    Setting("LOGIN_CODE_TRIES", "5", _whole(1, 20), "tries", "wrong entries before a code dies"),
    Setting("LOGIN_CODES_PER_ADDRESS_PER_HOUR", "6", _whole(1, 1000), "codes", "codes mailed per address and hour"),
    Setting(
        "CREDENTIAL_TRIES_PER_NETWORK_PER_HOUR",
        "60",
        _whole(1, 1_000_000),
        "tries",
        "credential attempts per network and hour",
    ),
    Setting(
        "PASSWORD_TRIES_PER_ACCOUNT_PER_HOUR",
        "10",
        _whole(1, 1000),
        "tries",
        "wrong passwords per account and hour",
    ),
    Setting("PASSWORD_MIN_LENGTH", "10", _whole(8, 128), "characters", "shortest password"),
    Setting("SESSION_IDLE_HOURS", "336", _whole(1, 8760), "h", "a customer's session ends after this without use"),
    Setting("SESSION_ABSOLUTE_HOURS", "2160", _whole(1, 8760), "h", "a customer's session ends after this anyway"),
    Setting("STAFF_SESSION_IDLE_HOURS", "12", _whole(1, 8760), "h", "a staff session ends after this without use"),
    Setting("STAFF_SESSION_ABSOLUTE_HOURS", "168", _whole(1, 8760), "h", "a staff session ends after this anyway"),
    Setting(
        "RATE_LIMIT_PER_MINUTE",
        "600",
        _whole(1, 10_000_000),
        "requests",
        "coarse limit per network address and process",
    ),
    # payments
    Setting(
        "STRIPE_SECRET_KEY",
        "",
        str,
        "",
        "Stripe's secret key; empty: the demo simulator (never in production)",
        True,
    ),
    Setting("STRIPE_WEBHOOK_SECRET", "", str, "", "signing secret of the webhook endpoint", True),
    Setting(
        "STRIPE_API_BASE",
        "",
        _url,
        "",
        "another address of Stripe's API: the simulator (never in production)",
    ),
    Setting(
        "PAYMENT_TIMEOUT_SECONDS",
        "20",
        _whole(1, 80),
        "s",
        "longest wait for one answer of the payment provider",
    ),
    Setting("RECONCILE_MINUTES", "5", _whole(1, 1440), "min", "how often payments are compared with the provider"),
    # photos and videos
    Setting("MEDIA_STORE", "local", _one_of("local", "s3"), "", "where files are kept: local disk, or an S3 store"),
    Setting("MEDIA_DIR", "", _folder, "", "folder of the local store; empty: media/ below the instance folder"),
    Setting("MEDIA_S3_BUCKET", "", _bucket, "", "bucket of the S3 store; it must exist and be private"),
    Setting("MEDIA_S3_ENDPOINT", "", _url, "", "address of the S3 store; empty: Amazon's"),
    Setting("MEDIA_S3_REGION", "eu-central-1", _region, "", "region of the S3 store"),
    Setting("MEDIA_S3_KEY_ID", "", str, "", "access key of the S3 store"),
    Setting("MEDIA_S3_SECRET", "", str, "", "secret of the access key", True),
    Setting("MEDIA_PHOTO_MAX_MB", "25", _whole(1, 200), "MB", "largest photo that is taken"),
    Setting("MEDIA_MAX_MEGAPIXELS", "50", _whole(1, 200), "megapixels", "a photo with more is refused undecoded"),
    Setting("MEDIA_VIDEO_MAX_MB", "100", _whole(1, 2000), "MB", "largest video that is taken"),
    Setting("MEDIA_VIDEO_MAX_SECONDS", "60", _whole(1, 3600), "s", "longest video that is taken"),
    Setting("MEDIA_MAX_FILES", "200", _whole(1, 10_000), "files", "most files of one booking"),
    Setting("MEDIA_AT_ONCE", "1", _whole(1, 64), "photos", "decoded at once, 100 MB each, in all workers together"),
    Setting("MEDIA_LINK_MINUTES", "60", _whole(2, 1440), "min", "longest life of a link to a photo"),
    Setting("MEDIA_UNREFERRED_HOURS", "24", _whole(1, 720), "h", "a file that nobody refers to goes after this"),
    Setting("MEDIA_KEEP_DAYS", "730", _whole(1, 3650), "days", "photos and videos go after this"),
    # mail
    Setting("MAIL_SERVER", "", str, "", "mail server; empty: messages are kept and shown to admins"),
    Setting("MAIL_PORT", "587", _whole(1, 65535), "", "port of the mail server"),
    Setting("MAIL_USERNAME", "", str, "", "user at the mail server"),
    Setting("MAIL_PASSWORD", "", str, "", "password at the mail server", True),
    Setting("MAIL_USE_TLS", "1", _flag, "", "1: STARTTLS"),
    Setting("MAIL_SENDER", "Ronja <buchung@example.org>", str, "", "sender of all messages"),
)


def load_settings(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """All settings by name. Raises ConfigError naming the first setting that is wrong."""
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = environ.get(setting.name, setting.default).strip()
        try:
            values[setting.name] = setting.read(text)
        except (ValueError, IndexError) as error:
            shown = "(hidden)" if setting.secret else repr(text)
            raise ConfigError(f"{setting.name}={shown}: {error}. {setting.meaning}.") from error
    _check_together(values)
    return values


def _check_together(values: dict[str, Any]) -> None:
    if values["DEMO_MODE"] == "":
        values["DEMO_MODE"] = values["B2C_ENV"] != "production"
    _check_store(values)
    if values["B2C_ENV"] != "production":
        return
    if len(values["SECRET_KEY"]) < 32:
        raise ConfigError("SECRET_KEY: production needs at least 32 characters of it. Make one: openssl rand -hex 32.")
    if not values["STRIPE_SECRET_KEY"]:
        raise ConfigError("STRIPE_SECRET_KEY: production needs it; the demo payment page is never used there.")
    if not values["STRIPE_WEBHOOK_SECRET"]:
        raise ConfigError("STRIPE_WEBHOOK_SECRET: production needs it, or no webhook can be verified.")
    if values["STRIPE_API_BASE"]:
        raise ConfigError("STRIPE_API_BASE: production talks to Stripe alone; unset it.")
    if values["DEMO_MODE"]:
        raise ConfigError("DEMO_MODE: production shows no demo logins; unset it.")
    if not values["B2C_TRUSTED_PROXIES"]:
        raise ConfigError(
            "B2C_TRUSTED_PROXIES: production stands behind a proxy that ends https; say how many, or everybody counts "
            "as one network for the limits."
        )
    if not values["B2C_BASE_URL"].startswith("https://"):
        raise ConfigError("B2C_BASE_URL: production needs an https:// address.")


def _check_store(values: dict[str, Any]) -> None:
    needed = ("MEDIA_S3_BUCKET", "MEDIA_S3_KEY_ID", "MEDIA_S3_SECRET")
    missing = [name for name in needed if not values[name]]
    if values["MEDIA_STORE"] == "s3" and missing:
        raise ConfigError(f"{missing[0]}: MEDIA_STORE=s3 needs it. Set it, or leave MEDIA_STORE at local.")


ZONE = ZoneInfo("Europe/Berlin")
