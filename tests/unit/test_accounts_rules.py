"""Addresses, numbers, codes, passwords and ways back."""

import pytest

from b2c_web.accounts import rules
from b2c_web.accounts.browsers import browser_words


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" Mara@Example.ORG ", "mara@example.org"),
        ("m.beispiel+auto@example.org", "m.beispiel+auto@example.org"),
        ("mara@bücher.example.org", "mara@xn--bcher-kva.example.org"),
        ("mara", None),
        ("mara@", None),
        ("mara@example", None),
        ("mära@example.org", None),
        ("Mara <mara@example.org>", None),
        ("mara@example.org\r\nBcc: x@example.org", None),
        ("a@example.org,b@example.org", None),
        ("", None),
    ],
)
def test_mail_addresses(typed: str, stored: str | None) -> None:
    assert rules.normalized_email(typed) == stored


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("02302 123456", "+492302123456"),
        ("+49 2302 123456", "+492302123456"),
        ("0049 (0) 2302 / 123456", "+492302123456"),
        ("+31 20 123 4567", "+31201234567"),
        ("0171 1234567", "+491711234567"),
        ("12", None),
        ("nein", None),
        ("+49", None),
    ],
)
def test_phone_numbers(typed: str, stored: str | None) -> None:
    assert rules.phone_in_e164(typed) == stored


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("123456", "123456"),
        (" 123 456 ", "123456"),
        ("123-456", "123456"),
        ("12345", None),
        ("1234567", None),
        ("١٢٣٤٥٦", None),
        ("12a456", None),
    ],
)
def test_codes(typed: str, digits: str | None) -> None:
    assert rules.digits_of_code(typed) == digits


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("drei Äpfel am Baum", True),
        ("kurz", False),
        ("aaaaaaaaaaaa", False),
        ("abababababab", False),
        ("marabeispiel1", False),
        ("x" * 129, False),
        ("abcdefgh12" * 12, True),
    ],
)
def test_passwords(password: str, good: bool) -> None:
    assert (rules.password_refusal(password, "marabeispiel@example.org", 10) is None) is good


@pytest.mark.parametrize("target", ["/", "/account", "/book?step=2&plz=44137", "/a/b#c", "/suche?q=ä"])
def test_ways_back_that_are_ours(target: str) -> None:
    assert rules.safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "account",
        "https://evil.example.org/",
        "//evil.example.org/",
        "///evil.example.org",
        "/\\evil.example.org",
        "\\\\evil.example.org",
        "http:evil.example.org",
        "javascript:alert(1)",
        "/\t/evil.example.org",
        "/a\r\nLocation: https://evil.example.org",
        " /account",
        "/" + "a" * 1000,
    ],
)
def test_ways_back_that_are_not(target: str | None) -> None:
    assert rules.safe_next(target) is None


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox, Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge, Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36", "Chrome, Android"),
    ],
)
def test_browsers_have_short_names(agent: str, words: str) -> None:
    assert browser_words(agent) == words
