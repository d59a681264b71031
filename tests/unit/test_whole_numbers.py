"""A whole number as people write it."""

import pytest

from b2c_web.forms import plain_number


@pytest.mark.parametrize(
    "text",
    ["84512", "84.512", "84 512", "84\u2009512", "84\u202f512", "84\u00a0512 km", "84,512", "84.512km", " 84512 km "],
)
def test_separators_and_unit_are_left_out(text: str) -> None:
    assert plain_number(text) == "84512"


@pytest.mark.parametrize("text", ["8.45", "84.5", "1.234,567", "84 51 2", "-3", "viel", ""])
def test_what_is_no_grouping_stays(text: str) -> None:
    assert plain_number(text) == text


def test_millions() -> None:
    assert plain_number("1.084.512") == "1084512"
