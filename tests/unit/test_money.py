"""Cents: contained VAT rounds half up once, and what people type is read in both spellings."""

import pytest

from b2c_web.money import UnclearAmount, contained_vat_cents, euro, parse_euro


@pytest.mark.parametrize(("gross", "vat"), [(28800, 4598), (19900, 3177), (119, 19), (1, 0), (3, 0), (4, 1)])
def test_contained_vat(gross: int, vat: int) -> None:
    assert contained_vat_cents(gross, 19) == vat


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("1,50", 150),
        ("1.50", 150),
        ("150", 15000),
        ("1.234,5", 123450),
        ("1,234.56", 123456),
        ("1.234", 123400),
        (" 99,90 EUR", 9990),
        ("0,05 €", 5),
    ],
)
def test_parse_euro(text: str, cents: int) -> None:
    assert parse_euro(text) == cents


@pytest.mark.parametrize("text", ["", "-1", "1,5,0", "1.2.3", "abc", "1,505,"])
def test_parse_euro_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        parse_euro(text)


@pytest.mark.parametrize(
    ("language", "text", "cents"),
    [
        ("de", "1.500", 150000),
        ("de", "1.234.567", 123456700),
        ("de", "1,234.50", 123450),
        ("de", "15.99", 1599),
        ("en", "1,500", 150000),
        ("en", "1.234,50", 123450),
        ("en", "189,99", 18999),
        ("en", "EUR 1,234.50", 123450),
    ],
)
def test_the_language_says_which_sign_parts_thousands(language: str, text: str, cents: int) -> None:
    assert parse_euro(text, language) == cents


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "1,500"),
        ("de", "189,995"),
        ("de", "1,234,567"),
        ("de", "0,125"),
        ("de", "0.125"),
        ("de", "1234.567"),
        ("de", "1.234,567"),
        ("en", "1.500"),
        ("en", "189.995"),
        ("en", "1.234.567"),
        ("en", "1234,567"),
    ],
)
def test_what_could_be_a_thousandfold_is_refused(language: str, text: str) -> None:
    with pytest.raises(UnclearAmount, match="not an amount"):
        parse_euro(text, language)


def test_euro_in_both_languages() -> None:
    assert euro(123450, "de") == "1.234,50\u00a0EUR"
    assert euro(-5, "en") == "-EUR\u00a00.05"
