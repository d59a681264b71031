"""Photos of an offer that turn out to be none after it was sent: the workshop is told, so that it can send anew."""

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import pytest

from b2c_web.media.commands import add_upload
from b2c_web.media.models import MediaFile, MediaPurpose
from tests.commands.extending import OFFER, PADS
from tests.commands.trips import PNG
from tests.views.boards import HTMX, region_of
from tests.views.extending import Pages, plain
from tests.views.walking import text_of, words_of

BROKEN = b"\xff\xd8\xff" + b"0" * 200  # a photo from outside
TOLD = "1 Foto ließ sich nicht lesen, der Kunde sieht es nicht."
RunJobs = Callable[..., list[str]]


def add(pages: Pages, content: bytes) -> MediaFile:
    return add_upload(pages.scene.staff, MediaPurpose.BOOKING, pages.booking_id, BytesIO(content), "foto.png")


@pytest.mark.parametrize("place", ["whole", "item"])
def test_a_photo_that_cannot_be_read_is_shown_to_the_workshop(pages: Pages, run_jobs: RunJobs, place: str) -> None:
    good, bad = add(pages, PNG).id, add(pages, BROKEN).id
    items = (replace(PADS, media=(bad,)), *OFFER.items[1:]) if place == "item" else OFFER.items
    offer = replace(OFFER, media=(good,) if place == "item" else (good, bad), items=items)
    extension = pages.scene.raised(pages.booking, offer)
    address = f"/workshop/extensions/{extension.id}"
    board, page = text_of(pages.staff.get("/workshop")), text_of(pages.staff.get(address))
    run_jobs(only={"media.process"})
    seen = pages.staff.get(region_of(board), headers=HTMX)
    assert "Foto nicht lesbar" in words_of(text_of(seen))
    assert f'href="{address}"' in seen.text
    region = region_of(page[page.index('id="extension-now"') :])
    assert TOLD in plain(pages.staff.get(region, headers=HTMX))
    assert "nicht lesbar" not in plain(pages.customer.get(f"/extensions/{extension.id}"))
    again = pages.scene.raised(pages.booking, replace(OFFER, media=(good,)), replaces=extension.id)
    assert "Foto nicht lesbar" not in plain(pages.staff.get("/workshop"))
    assert all(TOLD not in plain(pages.staff.get(f"/workshop/extensions/{one}")) for one in (extension.id, again.id))


def test_a_refused_file_of_the_booking_that_no_offer_shows_is_no_news(pages: Pages, run_jobs: RunJobs) -> None:
    good, _bad = add(pages, PNG).id, add(pages, BROKEN)
    extension = pages.scene.raised(pages.booking, replace(OFFER, media=(good,)))
    run_jobs(only={"media.process"})
    assert "Foto nicht lesbar" not in plain(pages.staff.get("/workshop"))
    assert TOLD not in plain(pages.staff.get(f"/workshop/extensions/{extension.id}"))
