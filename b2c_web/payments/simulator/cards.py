"""The provider's published test cards and accounts, and what each does. Real numbers are refused and never kept."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Body = dict[str, Any]
Authentication = Literal["never", "unless_set_up", "always"]


@dataclass(frozen=True)
class Card:
    """`decline`: (code, decline_code) of every charge. `attaches`: whether it can be saved although it declines."""

    name: str
    number: str
    brand: str = "visa"
    decline: tuple[str, str] | None = None
    attaches: bool = True
    authentication: Authentication = "never"
    refund: Literal["succeeds", "later", "fails_later"] = "succeeds"


@dataclass(frozen=True)
class Account:
    name: str
    iban: str
    succeeds: bool


CARDS = {
    card.name: card
    for card in (
        Card("visa", "4242424242424242"),
        Card("mastercard", "5555555555554444", brand="mastercard"),
        Card("declined", "4000000000000002", decline=("card_declined", "generic_decline"), attaches=False),
        Card(
            "insufficient_funds",
            "4000000000009995",
            decline=("card_declined", "insufficient_funds"),
            attaches=False,
        ),
        Card("authenticate_once", "4000002500003155", authentication="unless_set_up"),
        Card("authenticate_always", "4000002760003184", authentication="always"),
        Card("fails_later", "4000000000000341", decline=("card_declined", "generic_decline")),
        Card("expired", "4000000000000069", decline=("expired_card", "expired_card"), attaches=False),
        Card("incorrect_cvc", "4000000000000127", decline=("incorrect_cvc", "incorrect_cvc"), attaches=False),
        Card("refund_later", "4000000000007726", refund="later"),
        Card("refund_fails", "4000000000005126", refund="fails_later"),
    )
}
BY_NUMBER = {card.number: card for card in CARDS.values()}
ACCOUNTS = {
    account.name: account
    for account in (
        Account("sepa", "DE89370400440532013000", succeeds=True),
        Account("sepa_fails", "DE62370400440532013001", succeeds=False),
    )
}
BY_IBAN = {account.iban: account for account in ACCOUNTS.values()}

# The provider's ready-made payment methods that stand for a card in test requests.
TOKENS = {
    "pm_card_visa": "visa",
    "pm_card_mastercard": "mastercard",
    "pm_card_authenticationRequired": "authenticate_always",
    "pm_card_authenticationRequiredOnSetup": "authenticate_once",
    "pm_card_chargeCustomerFail": "fails_later",
    "pm_card_visa_chargeDeclined": "declined",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
}
MESSAGES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "test_mode_live_card": "Your card was declined. Your request was in test mode, but used a non test card.",
}
DECLINE_CODES_THAT_ARE_CODES = {"expired_card", "incorrect_cvc", "authentication_required"}


class EntryError(Exception):
    """What was typed cannot be used; `code` is the provider's error code or ours, `field` the input it belongs to."""

    def __init__(self, code: str, field: str) -> None:
        super().__init__(code)
        self.code, self.field = code, field


@dataclass(frozen=True)
class Entry:
    """A usable card or account as typed: the behaviour's name and the details that a payment method shows."""

    kind: Literal["card", "sepa_debit"]
    behaviour: str
    details: Body


def decline_error(decline_code: str) -> tuple[str, str]:
    """(code, message) of the provider's error for a bank's reason."""
    code = decline_code if decline_code in DECLINE_CODES_THAT_ARE_CODES else "card_declined"
    return code, MESSAGES.get(decline_code, "Your card was declined.")


def card_entry(number: str, expiry: str, cvc: str, now: int) -> Entry:
    """Checks a typed card. Raises `EntryError` for a mistake, and for every number that is no test card."""
    digits = "".join(number.split()).replace("-", "")
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19 and _luhn(digits)):
        raise EntryError("incorrect_number", "number")
    if digits not in BY_NUMBER:
        raise EntryError("test_mode_live_card", "number")
    month, year = _expiry(expiry, now)
    if not (cvc.isascii() and cvc.isdigit() and len(cvc) == 3):
        raise EntryError("invalid_cvc", "cvc")
    card = BY_NUMBER[digits]
    return Entry("card", card.name, card_details(card, month, year))


def named_card(name: str, now: int) -> Entry:
    """A test card by our name, valid for three more years."""
    card = CARDS[name]
    return Entry("card", name, card_details(card, 12, datetime.fromtimestamp(now, UTC).year + 3))


def account_entry(iban: str) -> Entry:
    """Checks a typed IBAN. Raises `EntryError` for a mistake, and for every account that is no test account."""
    text = "".join(iban.split()).upper()
    if not (text.isascii() and text.isalnum() and 15 <= len(text) <= 34 and _iban_digits(text) % 97 == 1):
        raise EntryError("invalid_iban", "iban")
    if text not in BY_IBAN:
        raise EntryError("test_mode_live_iban", "iban")
    return Entry("sepa_debit", BY_IBAN[text].name, account_details(BY_IBAN[text]))


def card_details(card: Card, month: int, year: int) -> Body:
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "DE",
        "display_brand": card.brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": _fingerprint(card.number),
        "funding": "credit",
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def account_details(account: Account) -> Body:
    return {
        "bank_code": account.iban[4:12],
        "branch_code": "",
        "country": account.iban[:2],
        "fingerprint": _fingerprint(account.iban),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": account.iban[-4:],
    }


def _fingerprint(number: str) -> str:
    return hashlib.sha256(f"fingerprint:{number}".encode()).hexdigest()[:16]


def _luhn(digits: str) -> bool:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _expiry(text: str, now: int) -> tuple[int, int]:
    month, _, year = text.replace(" ", "").replace("-", "/").partition("/")
    if not (month.isdigit() and year.isdigit() and len(year) in (2, 4) and 1 <= int(month) <= 12):
        raise EntryError("invalid_expiry", "expiry")
    full_year = int(year) if len(year) == 4 else 2000 + int(year)
    today = datetime.fromtimestamp(now, UTC)
    if (full_year, int(month)) < (today.year, today.month):
        raise EntryError("invalid_expiry", "expiry")
    return int(month), full_year


def _iban_digits(text: str) -> int:
    return int("".join(str(int(letter, 36)) for letter in text[4:] + text[:4]))
