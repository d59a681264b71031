"""Photos of an offer: chosen without script, and shown with their item before the decision and after it."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from b2c_web.extensions import queries
from b2c_web.media.models import MediaPurpose
from b2c_web.media.queries import files_for
from b2c_web.media.store import LocalMediaStore
from tests.factories.media import photo, video
from tests.views.extending import Pages, offer, plain

PADS = ("Beläge", "12,", "1,5")


@pytest.fixture(autouse=True)
def store(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.extensions, "media_store", LocalMediaStore(tmp_path))


def chosen(*contents: BytesIO) -> list[tuple[BytesIO, str]]:
    """Files as a browser sends those that were chosen in one field."""
    return [(content, f"foto{number}.jpg") for number, content in enumerate(contents)]


def uploaded(pages: Pages) -> list[str]:
    pages.scene.session.expire_all()
    return [str(file.id) for file in files_for(MediaPurpose.BOOKING, pages.booking_id)]


def ticks(page: str, name: str, media_id: str) -> bool:
    return f'name="{name}" value="{media_id}" checked' in " ".join(page.split())


# without script


def test_without_script_what_was_typed_and_the_photos_stay(pages: Pages) -> None:
    form = offer(PADS, urgent="y") | {"file-media": chosen(photo(), photo()), "files": "media"}
    answer = pages.by_staff(pages.draft, **form)
    assert answer.status_code == 303
    assert answer.location == f"{pages.new}#media"
    page = pages.staff.get(pages.new).text
    for typed in ('value="Beläge"', 'value="12,"', 'value="1,5"', "Die Beläge sind fast durch."):
        assert typed in page
    first, second = uploaded(pages)
    assert ticks(page, "media", first)
    assert ticks(page, "media", second)


def test_each_photo_goes_to_the_item_where_it_was_chosen(pages: Pages) -> None:
    form = offer(PADS, ("Öl", "16", "1")) | {"file-items-1-media": chosen(photo()), "files": "items-1-media"}
    assert pages.by_staff(pages.draft, **form).location == f"{pages.new}#items-1-media"
    page = pages.staff.get(pages.new).text
    assert ticks(page, "items-1-media", uploaded(pages)[0])
    assert 'id="items-1-media"' in page
    assert 'name="file-items-1-media"' in page


def test_photos_that_were_chosen_earlier_stay_beside_the_new_ones(pages: Pages) -> None:
    pages.by_staff(pages.draft, **offer(PADS) | {"file-media": chosen(photo())})
    first = uploaded(pages)
    pages.by_staff(pages.draft, **offer(PADS, media=first) | {"file-media": chosen(photo())})
    page = pages.staff.get(pages.new).text
    assert all(ticks(page, "media", one) for one in uploaded(pages))
    assert len(uploaded(pages)) == 2


def test_a_photo_that_was_chosen_and_not_sent_alone_goes_with_the_offer(pages: Pages) -> None:
    files = {"file-media": chosen(photo()), "file-items-0-media": chosen(photo())}
    assert pages.by_staff(pages.new, **offer(("Beläge", "12", "1")) | files, then="send").status_code == 303
    extension, photos = pages.extensions()[0], set(uploaded(pages))
    assert len(photos) == 2
    assert {*extension.images, *extension.items[0]["media"]} == photos


def test_a_file_that_cannot_be_taken_stops_the_offer_and_loses_nothing(pages: Pages) -> None:
    files = {"file-items-0-media": chosen(photo(), BytesIO(b"GIF89a"))}
    answer = pages.by_staff(pages.new, **offer(("Beläge", "12", "1")) | files, then="send")
    assert answer.status_code == 422
    assert "„foto1.jpg“ ist kein Foto oder Video" in plain(answer)
    assert 'href="#items-0-media"' in answer.text
    assert ticks(answer.text, "items-0-media", uploaded(pages)[0])
    assert pages.extensions() == []


def test_in_the_draft_it_is_told_and_the_others_stay(pages: Pages) -> None:
    form = offer(PADS) | {"file-media": chosen(BytesIO(b"GIF89a"), photo()), "files": "media"}
    pages.by_staff(pages.draft, **form)
    page = pages.staff.get(pages.new)
    assert "„foto0.jpg“ ist kein Foto oder Video" in plain(page)
    assert ticks(page.text, "media", uploaded(pages)[0])


def test_choosing_nothing_is_told_and_what_was_typed_stays(pages: Pages) -> None:
    pages.by_staff(pages.draft, **offer(PADS), files="media")
    page = pages.staff.get(pages.new)
    assert "Bitte wählen Sie ein Foto oder Video." in plain(page)
    assert 'value="Beläge"' in page.text


def test_a_video_is_larger_than_any_form_and_comes_all_the_same(
    app: Flask, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 30_000)
    film = BytesIO(video().getvalue() + b"\0" * 60_000)
    assert pages.by_staff(pages.draft, **offer(PADS) | {"file-media": chosen(film)}).status_code == 303
    assert ticks(pages.staff.get(pages.new).text, "media", uploaded(pages)[0])
    film = BytesIO(video().getvalue() + b"\0" * 60_000)
    assert pages.by_customer(pages.draft, **offer(PADS) | {"file-media": chosen(film)}).status_code in (403, 404, 413)
    assert len(uploaded(pages)) == 1


def test_the_draft_remembers_photos_for_as_long_as_it_lives(pages: Pages) -> None:
    pages.by_staff(pages.draft, **offer(PADS) | {"file-items-0-media": chosen(photo())})
    draft: Any = queries.draft_of(pages.booking_id)
    assert draft.content["items"][0]["media"] == uploaded(pages)
