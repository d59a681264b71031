"""Settings: environment -> typed values, each with its default and unit. A wrong value stops the start by name.

`flask config show` prints this table. Rules of the business carry the defaults of the domain's rule table.
"""

import os
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from b2c_web.config_checks import STANDING_LIMITS_CENTS, ConfigError, check_together
from b2c_web.config_reading import (
    VIEWS,
    Setting,
    address,
    bucket,
    database_url,
    decimal,
    flag,
    folder,
    hour_pairs,
    one_of,
    region,
    sender,
    site,
    stripe_key,
    url,
    views,
    whole,
)

ZONE = ZoneInfo("Europe/Berlin")

SETTINGS: tuple[Setting, ...] = (
    # where and how it runs
    Setting(
        "B2C_ENV",
        "development",
        one_of("development", "test", "production"),
        "",
        "which kind of installation",
    ),
    Setting(
        "DATABASE_URL",
        "",
        lambda t: database_url(t) if t else "",
        "",
        "PostgreSQL; empty: our own server below instance/",
        True,
    ),
    Setting("SECRET_KEY", "", str, "", "signs cookies; at least 32 characters in production", True),
    Setting("B2C_BASE_URL", "http://127.0.0.1:8000", site, "", "address that customers see, for links in messages"),
    Setting("B2C_TRUSTED_PROXIES", "0", whole(0, 5), "proxies", "reverse proxies in front that set X-Forwarded-*"),
    Setting("DB_POOL_SIZE", "10", whole(1, 100), "connections", "database connections kept per process"),
    Setting(
        "DEMO_MODE",
        "",
        lambda t: t if t == "" else flag(t),
        "",
        "1: shows /dev/outbox and demo logins; empty: on except in production",
    ),
    Setting("PORT", "8000", whole(1, 65535), "", "port of the web server"),
    Setting("B2C_BIND", "127.0.0.1", str, "", "address that the web server listens on"),
    Setting("WEB_PROCESSES", "2", whole(1, 64), "processes", "web processes"),
    Setting("WEB_THREADS", "12", whole(1, 64), "threads", "threads of each web process"),
    Setting("B2C_ACCESS_LOG", "1", flag, "", "1: a log line for each request"),
    Setting("B2C_INSTANCE_DIR", "", folder, "", "folder for everything that is written; empty: instance/ of the clone"),
    Setting("B2C_POSTGRES_BIN", "", str, "", "folder with PostgreSQL's programs; empty: the wheel's, else Debian's"),
    # names shown
    Setting("BRAND_NAME", "Ronja", str, "", "name of the product on every page"),
    Setting("OPERATOR_NAME", "Betreiber der Anwendung", str, "", "who runs it, for imprint and messages"),
    Setting("OPERATOR_ADDRESS", "58452 Witten", str, "", "address of who runs it"),
    Setting("OPERATOR_PHONE", "+492302000000", str, "", "phone of who runs it"),
    Setting("OPERATOR_EMAIL", "hilfe@example.org", address, "", "mail address of who runs it"),
    # booking rules
    Setting("LEAD_TIME_HOURS", "24", whole(0, 720), "h", "lead time before a window can be booked"),
    Setting("HORIZON_DAYS", "60", whole(1, 365), "days", "how far ahead the calendar reaches"),
    Setting("HOLD_MINUTES", "30", whole(30, 1440), "min", "hold while paying; Checkout Sessions live no shorter"),
    Setting("HOLDS_PER_ADDRESS_PER_DAY", "6", whole(1, 1000), "holds", "new holds per mail address and day"),
    Setting(
        "HOLDS_PER_NETWORK_PER_DAY",
        "30",
        whole(1, 1_000_000),
        "holds",
        "new holds per network (/24, /56) and day",
    ),
    Setting(
        "WINDOW_HOURS",
        "08-10,10-12,12-14,14-16,16-18",
        hour_pairs,
        "hours",
        "windows of a working day, Mon-Fri",
    ),
    Setting("RETURN_BUFFER_MINUTES", "120", whole(0, 1440), "min", "return not before pickup + duration + this"),
    Setting(
        "RETURN_OFFER_DAYS",
        "2",
        whole(1, 6),  # as many as RETURN_LOOKAHEAD_DAYS always holds
        "days",
        "return windows offered on the pickup day and the days after it on which jockeys work, in all",
    ),
    Setting("FREE_CANCEL_HOURS", "24", whole(0, 720), "h", "cancel or move free up to this before pickup"),
    Setting("LATE_FEE_CENTS", "2500", whole(0, 100_000), "cents", "kept for a late cancellation or move"),
    Setting("NO_SHOW_FEE_CENTS", "2500", whole(0, 100_000), "cents", "kept for a no-show"),
    Setting(
        "NO_SHOW_OFFER_HOURS",
        "24",
        whole(1, 720),
        "h",
        "a new date is offered for this long after a no-show",
    ),
    Setting(
        "MOVE_OFFER_HOURS", "72", whole(1, 720), "h", "a customer who is asked to take another date can answer so long"
    ),
    Setting(
        "EARLY_DEPARTURE_MINUTES", "120", whole(0, 1440), "min", "a jockey who sets out earlier by more confirms it"
    ),
    Setting("NO_SHOW_CALLS", "3", whole(0, 10), "calls", "call attempts before a no-show can be recorded"),
    Setting("NO_SHOW_WAIT_MINUTES", "15", whole(0, 120), "min", "waiting before a no-show can be recorded"),
    Setting(
        "HANDOVER_VIEWS", ",".join(VIEWS), views, "photos", "views that a handover shows, a photo of each at least"
    ),
    Setting("HANDOVER_SIGNATURE", "1", flag, "", "1: a handover needs the customer's signature"),
    Setting("WITHDRAWAL_DAYS", "14", whole(0, 60), "days", "withdrawal without any fee after the contract"),
    Setting(
        "STANDING_LIMIT_CENTS",
        "0",
        whole(0, 10_000_000),
        "cents",
        "default standing limit: 0, 5000, 10000, 20000, 50000",
    ),
    Setting("STANDING_LIMIT_MAX_CENTS", "100000", whole(0, 10_000_000), "cents", "highest limit that can be chosen"),
    Setting("REMINDER_HOURS", "24", whole(1, 168), "h", "reminder before pickup"),
    Setting("REVIEW_REQUEST_HOURS", "2", whole(0, 168), "h", "review request after completion"),
    Setting(
        "EXTENSION_REMINDER_MINUTES",
        "60",
        whole(1, 10_000),
        "min",
        "customer asked again about an extension",
    ),
    Setting(
        "EXTENSION_STAFF_ALERT_MINUTES",
        "120",
        whole(1, 10_000),
        "min",
        "staff told about an unanswered extension",
    ),
    Setting("EXTENSION_QUESTIONS_PER_HOUR", "5", whole(1, 1000), "questions", "a customer's questions per extension"),
    Setting("EXTENSION_LINK_HOURS", "72", whole(1, 720), "h", "life of the mailed link to an extension"),
    Setting(
        "AUTHORIZATION_RENEWAL_HOURS",
        "24",
        whole(1, 168),
        "h",
        "card authorisation renewed before it lapses",
    ),
    Setting("VAT_RATE_PERCENT", "19", whole(0, 30), "%", "VAT contained in every price"),
    Setting("TERMS_VERSION", "2026-11-29", str, "", "version of the terms that a booking stores"),
    # travel and fleet
    Setting("TRAVEL_DETOUR_FACTOR", "1.3", decimal(1, 5), "", "road distance over great-circle distance"),
    Setting("TRAVEL_SPEED_KMH", "45", decimal(1, 200), "km/h", "average speed"),
    Setting("TRAVEL_FIXED_MINUTES", "3", decimal(0, 60), "min", "added to each way"),
    Setting("PICKUP_HANDOVER_MINUTES", "40", whole(0, 240), "min", "pickup beyond both ways: 20 + 15 + 5"),
    Setting("RETURN_HANDOVER_MINUTES", "20", whole(0, 240), "min", "return beyond both ways: 15 + 5"),
    Setting("RONJA_CLEANING_MINUTES", "15", whole(0, 240), "min", "cleaning before a Ronja goes out again"),
    Setting(
        "RONJA_SERVICE_LEAD_DAYS",
        "1",
        whole(0, 60),
        "days",
        "a Ronja leaves planning this long before its service date",
    ),
    Setting(
        "RONJA_SERVICE_LEAD_KM",
        "500",
        whole(0, 10_000),
        "km",
        "a Ronja leaves planning this far before its service mileage",
    ),
    Setting(
        "FEW_LEFT_PLACES",
        "3",
        whole(1, 50),
        "places",
        "a day or window with at most so many places says how many",
    ),
    Setting("CALENDAR_REUSE", "1", flag, "", "1: give a calendar or heat map out again while nothing in it changed"),
    Setting(
        "LOCK_TIMEOUT_MS",
        "3000",
        whole(100, 60_000),
        "ms",
        "longest wait for a scarce thing before 'busy, try again'",
    ),
    # accounts
    Setting("LOGIN_CODE_MINUTES", "10", whole(1, 120), "min", "life of a mailed login code"),
    Setting("LOGIN_CODE_TRIES", "5", whole(1, 20), "tries", "wrong entries before a code dies"),
    Setting("LOGIN_CODES_PER_ADDRESS_PER_HOUR", "6", whole(1, 1000), "codes", "codes mailed per address and hour"),
    Setting(
        "CREDENTIAL_TRIES_PER_NETWORK_PER_HOUR",
        "60",
        whole(1, 1_000_000),
        "tries",
        "credential attempts per network and hour",
    ),
    Setting(
        "PASSWORD_TRIES_PER_ACCOUNT_PER_HOUR",
        "10",
        whole(1, 1000),
        "tries",
        "wrong passwords per account and hour",
    ),
    Setting("PASSWORD_MIN_LENGTH", "10", whole(8, 128), "characters", "shortest password"),
    Setting("SESSION_IDLE_HOURS", "336", whole(1, 8760), "h", "a customer's session ends after this without use"),
    Setting("SESSION_ABSOLUTE_HOURS", "2160", whole(1, 8760), "h", "a customer's session ends after this anyway"),
    Setting("STAFF_SESSION_IDLE_HOURS", "12", whole(1, 8760), "h", "a staff session ends after this without use"),
    Setting("STAFF_SESSION_ABSOLUTE_HOURS", "168", whole(1, 8760), "h", "a staff session ends after this anyway"),
    Setting(
        "RATE_LIMIT_PER_MINUTE",
        "600",
        whole(1, 10_000_000),
        "requests",
        "coarse limit per network address and process",
    ),
    # payments
    Setting(
        "STRIPE_SECRET_KEY",
        "",
        stripe_key,
        "",
        "Stripe's secret key; empty: the demo simulator (never in production)",
        True,
    ),
    Setting("STRIPE_WEBHOOK_SECRET", "", str, "", "signing secret of the webhook endpoint", True),
    Setting(
        "STRIPE_API_BASE",
        "",
        url,
        "",
        "another address of Stripe's API: the simulator (never in production)",
    ),
    Setting(
        "PAYMENT_TIMEOUT_SECONDS",
        "20",
        whole(1, 80),
        "s",
        "longest wait for one answer of the payment provider",
    ),
    Setting("RECONCILE_MINUTES", "5", whole(1, 1440), "min", "how often payments are compared with the provider"),
    # photos and videos
    Setting("MEDIA_STORE", "local", one_of("local", "s3"), "", "where files are kept: local disk, or an S3 store"),
    Setting("MEDIA_DIR", "", folder, "", "folder of the local store; empty: media/ below the instance folder"),
    Setting("MEDIA_S3_BUCKET", "", bucket, "", "bucket of the S3 store; it must exist and be private"),
    Setting("MEDIA_S3_ENDPOINT", "", url, "", "address of the S3 store; empty: Amazon's"),
    Setting("MEDIA_S3_REGION", "eu-central-1", region, "", "region of the S3 store"),
    Setting("MEDIA_S3_KEY_ID", "", str, "", "access key of the S3 store"),
    Setting("MEDIA_S3_SECRET", "", str, "", "secret of the access key", True),
    Setting("MEDIA_PHOTO_MAX_MB", "25", whole(1, 200), "MB", "largest photo that is taken"),
    Setting("MEDIA_MAX_MEGAPIXELS", "50", whole(1, 200), "megapixels", "a photo with more is refused undecoded"),
    Setting("MEDIA_VIDEO_MAX_MB", "100", whole(1, 2000), "MB", "largest video that is taken"),
    Setting("MEDIA_VIDEO_MAX_SECONDS", "60", whole(1, 3600), "s", "longest video that is taken"),
    Setting("MEDIA_FORM_MAX_MB", "250", whole(1, 4000), "MB", "all files that one form brings without script"),
    Setting("MEDIA_MAX_FILES", "200", whole(1, 10_000), "files", "most files of one booking"),
    Setting("MEDIA_AT_ONCE", "1", whole(1, 64), "photos", "decoded at once, 100 MB each, in all workers together"),
    Setting("MEDIA_LINK_MINUTES", "60", whole(2, 1440), "min", "longest life of a link to a photo"),
    Setting("MEDIA_UNREFERRED_HOURS", "24", whole(1, 720), "h", "a file that nobody refers to goes after this"),
    Setting("MEDIA_KEEP_DAYS", "730", whole(1, 3650), "days", "photos and videos go after this"),
    # mail
    Setting("MAIL_SERVER", "", str, "", "mail server; empty: messages are kept and shown to admins"),
    Setting("MAIL_PORT", "587", whole(1, 65535), "", "port of the mail server"),
    Setting("MAIL_USERNAME", "", str, "", "user at the mail server"),
    Setting("MAIL_PASSWORD", "", str, "", "password at the mail server", True),
    Setting("MAIL_USE_TLS", "1", flag, "", "1: STARTTLS"),
    Setting("MAIL_SENDER", "Ronja <buchung@example.org>", sender, "", "sender of all messages"),
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
    check_together(values)
    return values


__all__ = ["SETTINGS", "STANDING_LIMITS_CENTS", "ZONE", "ConfigError", "Setting", "load_settings"]
