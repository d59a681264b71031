"""Cents arithmetic. Amounts are integer euro cents, prices are gross."""

import re
from decimal import ROUND_HALF_UP, Decimal

_GERMAN = re.compile(r"^\d{1,3}(\.\d{3})+(,\d{1,2})?$|^\d+(,\d{1,2})?$")
_ENGLISH = re.compile(r"^\d{1,3}(,\d{3})+(\.\d{1,2})?$|^\d+(\.\d{1,2})?$")


def contained_vat_cents(gross_cents: int, rate_percent: int) -> int:
    """The VAT contained in a gross sum: round_half_up(gross * rate / (100 + rate)), once per document.

    Source: domain.md, "Price" (19 % -> sum * 19 / 119).
    """
    exact = Decimal(gross_cents) * rate_percent / (100 + rate_percent)
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def parse_euro(text: str) -> int:
    """Cents from what a person types: "1,50", "1.50", "1.234,50", "1,234.50", "150 EUR" or "150 €".

    One place for both spellings: a last separator followed by one or two digits is the decimal one;
    three digits after a single separator are thousands. Raises ValueError for anything else.
    """
    cleaned = re.sub(r"\s|EUR|€", "", text, flags=re.IGNORECASE)
    if _GERMAN.match(cleaned):
        number = cleaned.replace(".", "").replace(",", ".")
    elif _ENGLISH.match(cleaned):
        number = cleaned.replace(",", "")
    else:
        raise ValueError(f"not an amount in euros: {text!r}")
    return int((Decimal(number) * 100).to_integral_value())


def euro(cents: int, language: str = "de") -> str:
    """ "199,00 EUR" in German, "EUR 199.00" in English, with non-breaking spaces."""
    sign, whole, rest = "-" if cents < 0 else "", abs(cents) // 100, abs(cents) % 100
    if language == "de":
        return f"{sign}{whole:,}".replace(",", ".") + f",{rest:02d}\u00a0EUR"
    return f"{sign}EUR\u00a0{whole:,}.{rest:02d}"
