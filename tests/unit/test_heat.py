"""The steps of the heat map in the dark: told apart from each other, and their text readable."""

import re
from itertools import pairwise
from pathlib import Path

TOKENS = Path(__file__).parents[2] / "static/css/tokens.css"
APART = 1.4  # the two dark steps that could hardly be told apart had 1.26


def dark(name: str) -> str:
    found = re.search(rf"--{name}:\s*light-dark\(#\w+, #(\w+)\)", TOKENS.read_text())
    assert found, name
    return found.group(1)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_neighbouring_steps_of_one_hue_differ_in_the_dark() -> None:
    steps = [dark(f"heat-{step}") for step in (1, 2, 3)]
    assert all(contrast(one, other) >= APART for one, other in pairwise(steps))


def test_text_can_be_read_on_every_step_in_the_dark() -> None:
    ink = dark("ink")
    assert all(contrast(dark(f"heat-{step}"), ink) >= 4.5 for step in range(6))
