"""Pure decisions about people's data: what an address, a number, a password and a way back may be."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _l

from b2c_web.accounts.models import STAFF_ROLES, Role

CODE_FORM = re.compile(r"[0-9]{6}")
POSTAL_CODE_FORM = re.compile(r"[0-9]{5}")
PASSWORD_MAX_LENGTH = 128  # argon2 takes any length; ours ends where a sentence does
LONGEST_WAY_BACK = 1000


def normalized_email(text: str) -> str | None:
    """The address as we store it (ASCII, lower case), or None when it cannot be one."""
    try:
        found = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return None
    return (found.ascii_email or found.normalized).lower()


def phone_in_e164(text: str) -> str | None:
    """A phone number as +49..., read as a German one unless it says otherwise; None when it cannot be one."""
    try:
        number = phonenumbers.parse(text, "DE")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def names_the_house(street: str) -> bool:
    """Has it a number to find the door by, or does it say that there is none?"""
    return re.search(r"\d|ohne nummer|no number", street, re.IGNORECASE) is not None


def digits_of_code(text: str) -> str | None:
    """The six digits of a typed or pasted code, without gaps; None when it has not six."""
    digits = re.sub(r"[\s\-]", "", text)
    return digits if CODE_FORM.fullmatch(digits) else None


def password_refusal(password: str, email: str, min_length: int) -> Any:
    """Why this password is not good enough, or None. Length is what counts; no rules about characters."""
    if len(password) < min_length:
        return _l("Zu kurz: Es müssen mindestens %(num)s Zeichen sein.", num=min_length)
    if len(password) > PASSWORD_MAX_LENGTH:
        return _l("Zu lang: Es dürfen höchstens %(num)s Zeichen sein.", num=PASSWORD_MAX_LENGTH)
    if len(set(password.lower())) < 5:
        return _l("Zu leicht zu erraten: Es wiederholen sich dieselben Zeichen.")
    name = email.partition("@")[0].lower()
    if (len(name) > 3 and name in password.lower()) or password.lower() in email:
        return _l("Zu leicht zu erraten: Ihre E-Mail-Adresse steckt darin.")
    return None


def safe_next(target: str | None) -> str | None:
    """`target` when it is a path of ours, else None: nobody is sent to another site after signing in."""
    if not target or len(target) > LONGEST_WAY_BACK or not target.isprintable() or "\\" in target:
        return None
    if not target.startswith("/") or target.startswith("//"):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target


def idle_time(role: Role, settings: dict[str, Any]) -> timedelta:
    """How long a session of this role lives without use."""
    name = "STAFF_SESSION_IDLE_HOURS" if role in STAFF_ROLES else "SESSION_IDLE_HOURS"
    return timedelta(hours=settings[name])


def whole_time(role: Role, settings: dict[str, Any]) -> timedelta:
    """How long a session of this role lives at most."""
    name = "STAFF_SESSION_ABSOLUTE_HOURS" if role in STAFF_ROLES else "SESSION_ABSOLUTE_HOURS"
    return timedelta(hours=settings[name])
