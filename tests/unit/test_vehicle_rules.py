"""What a plate, a chassis number, a year and a document may be."""

from datetime import date

import pytest

from b2c_web.vehicles import rules

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("WIT XY 207", "WIT XY 207"),
        ("wit xy 207", "WIT XY 207"),
        ("  wit-xy 207 ", "WIT XY 207"),
        ("WIT-XY207", "WIT XY 207"),
        ("WIT XY207", "WIT XY 207"),
        ("B - A 1", "B A 1"),
        ("bA1", "B A 1"),
        ("WITXY207", "WIT XY 207"),
        ("WITXY 207", "WIT XY 207"),
        ("FÜ A 12", "FÜ A 12"),
        ("WIT XY 20 E", "WIT XY 20E"),
        ("WIT X 207E", "WIT X 207E"),
        ("DO AB 123H", "DO AB 123H"),
        ("WIT XY 207 04-10", "WIT XY 207"),
        ("WIT XY 207 03/11", "WIT XY 207"),
        ("AB-123-CD", "AB-123-CD"),  # France
        ("12-ABC-3", "12-ABC-3"),  # the Netherlands
        ("W 12345 X", "W 12345 X"),  # Austria
        ("ABC 123", "ABC 123"),  # Sweden
        ("0 17-123", "0 17-123"),  # diplomats
        ("Y 123456", "Y 123456"),  # the army
    ],
)
def test_plates_are_stored_as_they_are_painted(typed: str, stored: str) -> None:
    assert rules.check_plate(typed) == (stored, None)


@pytest.mark.parametrize("typed", ["HHA123", "WITX207", "hha123e"])
def test_a_plate_in_one_word_that_can_be_read_in_two_ways_is_asked_for(typed: str) -> None:
    assert rules.check_plate(typed)[1] == rules.PLATE_GAP


@pytest.mark.parametrize("typed", ["", "X", "WIT XY", "WIT XY 2071E", "WIT XY 207 ; DROP", "ABCDEFG 123456", "W1T<XY>"])
def test_what_is_no_plate_is_refused(typed: str) -> None:
    assert rules.check_plate(typed)[1] == rules.PLATE_FORM


def test_no_accepted_plate_is_longer_than_its_column() -> None:
    plates = ("WIT XY 2071", "WIT XY 207E", "AB 1234567 X", "A23456789012")
    stored = [plate for plate, refusal in map(rules.check_plate, plates) if refusal is None]
    assert stored
    assert all(len(plate) <= rules.PLATE_MAX_LENGTH for plate in stored)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("WVWZZZ1JZ3W386752", "WVWZZZ1JZ3W386752"),  # Europe: no check digit
        ("wvw zzz 1jz3w 386752", "WVWZZZ1JZ3W386752"),
        ("1M8GDM9AXKP042788", "1M8GDM9AXKP042788"),  # North America: check digit X
    ],
)
def test_chassis_numbers(typed: str, stored: str) -> None:
    assert rules.check_vin(typed) == (stored, None)


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("WVWZZZ1JZ3W38675", rules.VIN_LENGTH),
        ("WVWZZZ1JZ3W3867522", rules.VIN_LENGTH),
        ("WVWZZZ1JZ3W38675O", rules.VIN_LENGTH),
        ("WVWZZZ1JZ3W38675ß", rules.VIN_LENGTH),
        ("1M8GDM9A1KP042788", rules.VIN_REFUSED),
        ("11111111111111112", rules.VIN_REFUSED),
    ],
)
def test_what_is_no_chassis_number_is_refused(typed: str, refusal: object) -> None:
    assert rules.check_vin(typed)[1] == refusal


def test_the_check_digit_is_the_one_of_the_standards_example() -> None:
    assert rules.vin_check_digit("1M8GDM9AXKP042788") == "X"
    assert rules.vin_check_digit("11111111111111111") == "1"


@pytest.mark.parametrize(("year", "ok"), [(1899, False), (1900, True), (2026, True), (2027, True), (2028, False)])
def test_years(year: int, ok: bool) -> None:
    assert (rules.year_refusal(year, TODAY) is None) is ok


@pytest.mark.parametrize(
    ("day", "ok"),
    [
        (date(2019, 5, 2), True),
        (date(2018, 11, 30), True),  # sold before its model year began
        (date(2017, 12, 31), False),
        (date(2026, 11, 24), True),
        (date(2026, 11, 25), False),
    ],
)
def test_first_registrations_of_a_car_of_2019(day: date, ok: bool) -> None:
    assert (rules.registration_refusal(day, 2019, TODAY) is None) is ok


@pytest.mark.parametrize(
    ("content", "extension"),
    [(b"%PDF-1.7 ...", "pdf"), (b"\xff\xd8\xff\xe0 ...", "jpg"), (b"\x89PNG\r\n\x1a\n ...", "png")],
)
def test_documents_are_known_by_their_content(content: bytes, extension: str) -> None:
    kind = rules.document_kind(content)
    assert kind is not None
    assert kind.extension == extension
    assert rules.document_refusal(content) is None
    assert rules.kind_of_name(f"ab/cd.{extension}") is kind


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"GIF89a", b"PK\x03\x04", b" %PDF-1.7", b"%PDF-" + b"x" * rules.DOCUMENT_MAX_BYTES]
)
def test_other_documents_are_refused(content: bytes) -> None:
    assert rules.document_refusal(content) is not None
