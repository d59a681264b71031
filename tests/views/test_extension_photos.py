"""Photos of an offer: chosen without script, and shown with their item before the decision and after it."""

from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from b2c_web.extensions import commands, queries
from b2c_web.extensions.items import Item, Offer
from b2c_web.extensions.models import Extension, ExtensionStatus
from b2c_web.media import rules, sent
from b2c_web.media.models import MediaPurpose
from b2c_web.media.queries import files_for
from b2c_web.media.store import LocalMediaStore
from b2c_web.notifications.models import NotificationKind
from tests.factories.media import photo, video
from tests.views.extending import HTMX, Pages, offer, plain
from tests.views.test_extension_offer import photo_of

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


@pytest.mark.parametrize("correcting", [False, True])
@pytest.mark.parametrize("decided", [False, True])
def test_sent_twice_with_its_photos_it_is_raised_once(pages: Pages, correcting: bool, decided: bool) -> None:
    fields = {"draft_key": str(uuid4()), "replaces": str(pages.raised().id) if correcting else ""}
    before, mails = len(pages.extensions()), len(pages.scene.mails(NotificationKind.EXTENSION_RAISED))
    for _tap in range(2):
        files = {"file-media": chosen(photo()), "file-items-0-media": chosen(photo())}
        answer = pages.by_staff(pages.new, **offer(("Beläge", "12", "1"), **fields) | files, then="send")
        extension = pages.extensions()[-1]
        assert answer.location == f"/workshop/extensions/{extension.id}"
        if decided and extension.status is ExtensionStatus.PENDING:
            pages.scene.approve(extension, (0,))
    assert "Dieses Angebot gab es schon. Was Sie jetzt gesendet haben" in plain(pages.staff.get(answer.location))
    assert len(pages.extensions()) == before + 1
    assert len(pages.scene.mails(NotificationKind.EXTENSION_RAISED)) == mails + 1


def test_a_file_that_cannot_be_taken_stops_the_offer_and_loses_nothing(pages: Pages) -> None:
    files = {"file-items-0-media": chosen(photo(), BytesIO(b"GIF89a"))}
    answer = pages.by_staff(pages.new, **offer(("Beläge", "12", "1")) | files, then="send")
    assert answer.status_code == 422
    assert "„foto1.jpg“ ist kein Foto oder Video" in plain(answer)
    assert 'href="#items-0-media"' in answer.text
    field = " ".join(answer.text.split()).partition('<fieldset class="media-field" id="items-0-media"')[2]
    assert field.startswith(' tabindex="-1" aria-describedby="items-0-media-error"')
    assert 'id="items-0-media-error"' in field
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


@pytest.fixture
def small(app: Flask, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A photo of almost one megabyte, where a megabyte is small; four make the largest video."""
    monkeypatch.setattr(rules, "MEGABYTE", 60_000)
    monkeypatch.setattr(sent, "FORM_BYTES", 10_000)
    monkeypatch.setitem(app.config, "MEDIA_PHOTO_MAX_MB", 1)
    monkeypatch.setitem(app.config, "MEDIA_VIDEO_MAX_MB", 4)
    return photo().getvalue().ljust(58_000, b"\0")


def test_several_photos_may_be_more_than_the_largest_video(
    app: Flask, pages: Pages, small: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MEDIA_FORM_MAX_MB", 5)
    assert "Alle Dateien zusammen höchstens 5 MB." in plain(pages.staff.get(pages.new))
    files = chosen(*(BytesIO(small) for _number in range(5)))
    pages.by_staff(pages.draft, **offer(PADS) | {"file-media": files})
    page = pages.staff.get(pages.new).text
    assert 'value="Beläge"' in page
    assert [ticks(page, "media", one) for one in uploaded(pages)] == [True] * 5


def test_a_form_with_more_than_that_is_not_read(
    app: Flask, pages: Pages, small: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MEDIA_FORM_MAX_MB", 1)
    files = chosen(*(BytesIO(small) for _number in range(5)))
    assert pages.by_staff(pages.draft, **offer(PADS) | {"file-media": files}).status_code == 413
    assert uploaded(pages) == []


def test_the_draft_remembers_photos_for_as_long_as_it_lives(pages: Pages) -> None:
    pages.by_staff(pages.draft, **offer(PADS) | {"file-items-0-media": chosen(photo())})
    draft: Any = queries.draft_of(pages.booking_id)
    assert draft.content["items"][0]["media"] == uploaded(pages)


# once it is raised


def with_photo(pages: Pages) -> tuple[Extension, str]:
    """An offer whose first item has a photo that the worker has made ready."""
    file = photo_of(pages)
    items = (Item("Bremsbeläge vorn", 18_999, media=(file.id,)), Item("Öl", 1_599))
    return pages.scene.raised(pages.booking, Offer("Die Beläge sind durch.", items)), f"zoom-{file.id}"


def is_shown(page: Any, zoom: str) -> bool:
    """As a thumbnail with the picture that it opens."""
    return f'id="{zoom}"' in page.text and has_thumbnail(page, zoom)


def has_thumbnail(page: Any, zoom: str) -> bool:
    return f'class="photo-thumb" type="button" popovertarget="{zoom}"' in " ".join(page.text.split())


def test_an_items_photo_stays_with_it_for_both_before_and_after_the_decision(pages: Pages) -> None:
    extension, zoom = with_photo(pages)
    at_work, mine = f"/workshop/extensions/{extension.id}", f"/extensions/{extension.id}"
    link = f"/e/{pages.scene.token()}"
    assert all(is_shown(page, zoom) for page in (pages.staff.get(at_work), pages.customer.get(mine)))
    review = pages.by_link(f"{link}/approval", item="0", shown=queries.digest_of(extension))
    assert is_shown(review, zoom)
    approval = {"item": "0", "shown": queries.digest_of(extension), "amount_cents": "18999"}
    assert pages.by_link(f"{link}/approval", **approval).status_code == 303
    for page in (pages.staff.get(at_work), pages.customer.get(mine), pages.stranger.get(link)):
        assert is_shown(page, zoom)


def test_it_stays_with_what_was_declined_and_with_what_was_withdrawn(pages: Pages) -> None:
    declined, first = with_photo(pages)
    commands.decline(pages.booking.user, declined.id, "", queries.digest_of(declined))
    withdrawn, second = with_photo(pages)
    commands.withdraw_extension(pages.scene.staff, withdrawn.id, "Ein Irrtum")
    for extension, zoom in ((declined, first), (withdrawn, second)):
        assert is_shown(pages.staff.get(f"/workshop/extensions/{extension.id}"), zoom)
        assert is_shown(pages.customer.get(f"/extensions/{extension.id}"), zoom)


def test_a_page_that_waited_shows_the_photo_with_the_outcome(pages: Pages) -> None:
    extension, zoom = with_photo(pages)
    pages.scene.approve(extension, (0,))
    answer = pages.customer.get(f"/extensions/{extension.id}?pending=1&v=old", headers=HTMX)
    assert has_thumbnail(answer, zoom)
