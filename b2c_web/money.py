"""Cents arithmetic. Amounts are integer euro cents, prices are gross."""

import re
from decimal import ROUND_HALF_UP, Decimal

# what a person types, without blanks and EUR: the last sign is the decimal one when two digits at most follow it
_AMOUNT = re.compile(r"\d+([.,]\d{1,2})?|[1-9]\d{0,2}(\.\d{3})+,\d{1,2}|[1-9]\d{0,2}(,\d{3})+\.\d{1,2}")
_THOUSANDS = {"de": re.compile(r"[1-9]\d{0,2}(\.\d{3})+"), "en": re.compile(r"[1-9]\d{0,2}(,\d{3})+")}
_UNCLEAR = re.compile(r"\d[\d.,]*[.,]\d{3,}")


class UnclearAmount(ValueError):
    """It could be a thousandfold, or has fractions of a cent."""


def contained_vat_cents(gross_cents: int, rate_percent: int) -> int:
    """The VAT contained in a gross sum: round_half_up(gross * rate / (100 + rate)), once per document.

    Source: domain.md, "Price" (19 % -> sum * 19 / 119).
    """
    exact = Decimal(gross_cents) * rate_percent / (100 + rate_percent)
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def parse_euro(text: str, language: str = "de") -> int:
    """Cents from what a person types: "1,50", "1.50", "1.234,50", "1,234.50", "150 EUR" or "150 €".

    A last separator followed by one or two digits is the decimal one in both languages. Three digits are thousands
    only after the sign that `language` parts them with. Raises UnclearAmount for three after the other one, ValueError
    for anything else.
    """
    cleaned = re.sub(r"\s|EUR|€", "", text, flags=re.IGNORECASE)
    if _THOUSANDS[language].fullmatch(cleaned):
        return int(re.sub("[.,]", "", cleaned)) * 100
    if not _AMOUNT.fullmatch(cleaned):
        problem = UnclearAmount if _UNCLEAR.fullmatch(cleaned) else ValueError
        raise problem(f"not an amount in euros: {text!r}")
    parts = re.split("[.,]", cleaned)
    rest = parts.pop() if len(parts) > 1 else ""
    return int("".join(parts)) * 100 + int(rest.ljust(2, "0"))


def euro(cents: int, language: str = "de") -> str:
    """ "199,00 EUR" in German, "EUR 199.00" in English, with non-breaking spaces."""
    sign, whole, rest = "-" if cents < 0 else "", abs(cents) // 100, abs(cents) % 100
    if language == "de":
        return f"{sign}{whole:,}".replace(",", ".") + f",{rest:02d}\u00a0EUR"
    return f"{sign}EUR\u00a0{whole:,}.{rest:02d}"
