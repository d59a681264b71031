"""Raising, drafts, correcting and withdrawing; the mailed link."""

import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from b2c_web import clock
from b2c_web.accounts.models import Role
from b2c_web.bookings.models import Booking
from b2c_web.catalog.models import ServiceType
from b2c_web.demo.usual_work import USUAL_WORK, load_usual_work
from b2c_web.errors import Conflict, NotFound
from b2c_web.extensions import commands, queries, rules
from b2c_web.extensions.cataloguing import put_work_item
from b2c_web.extensions.deciders import LinkEnded
from b2c_web.extensions.items import Item, Offer
from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionLink, ExtensionStatus
from b2c_web.extensions.queries import digest_of
from b2c_web.media.models import MediaFile, MediaKind, MediaPurpose, MediaState
from b2c_web.notifications.models import NotificationKind as Kind
from b2c_web.notifications.rendering import render
from b2c_web.payments.models import Payment, PaymentPurpose
from tests.commands.extending import DISCS, OFFER, PADS, SUMS, Extending, invalid, refused
from tests.factories import make_customer, make_user, make_workshop

Status = ExtensionStatus


# raising


def test_what_is_raised_waits_for_the_customer(scene: Extending, raised: Extension) -> None:
    assert (raised.status, raised.authorization_status) == (Status.PENDING, AuthorizationStatus.NONE)
    assert raised.total_amount == sum(SUMS)
    assert raised.items[2] == {
        "name": "Motoröl",
        "description": "5W-30",
        "price": 1599,
        "quantity": "4.5",
        "media": [],
    }
    assert (raised.vat_rate_percent, raised.raised_by) == (19, scene.staff.id)
    mail = scene.mails(Kind.EXTENSION_RAISED)[0]
    assert mail.recipient == scene.session.get(Booking, raised.booking_id).user.email
    assert [item["sum_cents"] for item in mail.context["extension_items"]] == list(SUMS)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"description": "  "}, "description"),
        ({"items": ()}, "items"),
        ({"items": (PADS, replace(DISCS, name=" "))}, "items-1"),
        ({"items": (replace(PADS, price_cents=0),)}, "items-0"),
        ({"items": (replace(PADS, quantity=Decimal("0.0001")),)}, "items-0"),
        ({"items": (replace(PADS, quantity=Decimal("1.2345")),)}, "items-0"),
        ({"items": (replace(PADS, price_cents=99, quantity=Decimal("0.5")), replace(PADS, price_cents=49))}, "items-1"),
        ({"items": (replace(PADS, quantity=Decimal(400)),)}, "items"),
        ({"delay_reason": "Teil fehlt"}, "new_return_slot_id"),
        ({"media": (uuid.uuid4(),)}, "media"),
        ({"items": (replace(PADS, media=(uuid.uuid4(),)),)}, "items-0"),
    ],
)
def test_what_cannot_be_offered_is_refused_by_its_field(
    scene: Extending, booking: Booking, changes: dict[str, Any], field: str
) -> None:
    with invalid(field):
        commands.raise_extension(scene.staff, booking.id, replace(OFFER, **changes))
    assert queries.of_booking(booking.id) == []


def test_a_new_time_needs_its_reason(scene: Extending, booking: Booking) -> None:
    later = clock.now_utc() + timedelta(days=4)
    with invalid("delay_reason"):
        commands.raise_extension(scene.staff, booking.id, replace(OFFER, new_promised_at=later))
    past = replace(OFFER, new_promised_at=clock.now_utc(), delay_reason="Teil fehlt")
    with invalid("new_promised_at"):
        commands.raise_extension(scene.staff, booking.id, past)


def test_only_while_the_car_is_in_the_workshop(scene: Extending) -> None:
    booking = scene.booked(back=None)
    with refused("not_in_workshop"):
        commands.raise_extension(scene.staff, booking.id, OFFER)


def test_other_workshops_and_customers_do_not_find_it(scene: Extending, booking: Booking, raised: Extension) -> None:
    stranger, customer = make_user(Role.WORKSHOP), make_customer()
    shown = digest_of(raised)
    for act in (
        lambda: commands.raise_extension(stranger, booking.id, OFFER),
        lambda: commands.raise_extension(booking.user, booking.id, OFFER),
        lambda: commands.withdraw_extension(stranger, raised.id, "x"),
        lambda: commands.approve(customer, raised.id, [0], shown),
        lambda: commands.approve(scene.staff, raised.id, [0], shown),
        lambda: commands.decline(customer, raised.id, "", shown),
        lambda: commands.approve_within_limit(stranger, raised.id, shown),
        lambda: commands.approve_within_limit(booking.user, raised.id, shown),
        lambda: commands.save_draft(stranger, booking.id, {}),
        lambda: queries.visible_extension(stranger, raised.id),
        lambda: queries.visible_extension(customer, raised.id),
        lambda: commands.approve(booking.user, uuid.uuid4(), [0], shown),
    ):
        with pytest.raises(NotFound):
            act()
    assert queries.visible_extension(booking.user, raised.id).id == raised.id


def test_a_draft_survives_and_goes_when_it_is_sent(scene: Extending, booking: Booking) -> None:
    commands.save_draft(scene.staff, booking.id, {"description": "Belä"})
    commands.save_draft(scene.staff, booking.id, {"description": "Beläge"})
    draft = queries.draft_of(booking.id)
    assert draft is not None and draft.content == {"description": "Beläge"}
    scene.raised(booking)
    assert queries.draft_of(booking.id) is None
    assert commands.save_draft(scene.staff, booking.id, {"description": "x"})
    commands.drop_draft(scene.staff, booking.id)
    assert queries.draft_of(booking.id) is None


def test_the_same_offer_twice_is_one_until_it_is_decided(scene: Extending, booking: Booking, raised: Extension) -> None:
    assert scene.raised(booking).id == raised.id
    assert len(scene.mails(Kind.EXTENSION_RAISED)) == 1
    assert scene.raised(booking, replace(OFFER, urgent=True)).id != raised.id
    scene.approve(scene.fresh(raised.id))
    assert scene.raised(booking).id != raised.id


def test_correcting_withdraws_and_keeps_the_history(scene: Extending, booking: Booking, raised: Extension) -> None:
    shown = digest_of(raised)
    second = scene.raised(booking, replace(OFFER, items=(PADS,)), replaces=raised.id)
    before, after = queries.of_booking(booking.id)
    assert (before.status, before.replaced_by_id, after.replaces_id) == (Status.CANCELLED, second.id, raised.id)
    with pytest.raises(Conflict) as late:
        commands.approve(booking.user, raised.id, [0], shown)
    assert (late.value.code, late.value.details["replaced_by"]) == ("replaced", second.id)
    assert scene.fresh(second.id).status is Status.PENDING
    assert scene.session.query(Payment).filter_by(purpose=PaymentPurpose.EXTENSION).count() == 0


def test_the_mail_about_a_correction_says_which_offer_it_replaces(
    app: Flask, scene: Extending, booking: Booking, raised: Extension
) -> None:
    scene.raised(booking, replace(OFFER, items=(PADS,)), replaces=raised.id)
    first, second = sorted(scene.mails(Kind.EXTENSION_RAISED), key=lambda mail: mail.id)
    with app.test_request_context():
        assert "Angebot ersetzt" not in render(first).text
        assert "Dieses Angebot ersetzt das über 310,86\u00a0EUR." in render(second).text


def test_a_correction_sent_twice_is_one(scene: Extending, booking: Booking, raised: Extension) -> None:
    better = replace(OFFER, items=(PADS,))
    second = scene.raised(booking, better, replaces=raised.id)
    assert scene.raised(booking, better, replaces=raised.id).id == second.id
    assert len(queries.of_booking(booking.id)) == 2


def test_only_what_waits_can_be_corrected(scene: Extending, booking: Booking) -> None:
    decided = scene.approved(booking)
    with refused("decided"):
        scene.raised(booking, replaces=decided.id)
    assert len(queries.of_booking(booking.id)) == 1


def test_withdrawing_needs_a_reason_and_tells_the_customer(scene: Extending, raised: Extension) -> None:
    with invalid("words"):
        commands.withdraw_extension(scene.staff, raised.id, " ")
    commands.withdraw_extension(scene.staff, raised.id, "Doppelt erfasst")
    extension = scene.fresh(raised.id)
    assert (extension.status, extension.withdraw_reason) == (Status.CANCELLED, "Doppelt erfasst")
    assert scene.mails(Kind.EXTENSION_WITHDRAWN)[0].context["words"] == "Doppelt erfasst"
    with refused("withdrawn"):
        scene.approve(extension)
    with refused("withdrawn"):
        commands.withdraw_extension(scene.staff, raised.id, "noch einmal")


# the link


def test_the_mailed_link_opens_this_extension_until_it_is_decided(scene: Extending, raised: Extension) -> None:
    token = scene.token()
    link = commands.open_link(token)
    assert link.extension_id == raised.id
    commands.approve(link, raised.id, [1], digest_of(raised))
    extension = scene.fresh(raised.id)
    customer = scene.session.get(Booking, extension.booking_id).user_id
    assert (extension.decision_channel, extension.decided_by) == ("mail_link", customer)
    with pytest.raises(LinkEnded) as ended:
        commands.open_link(token)
    assert ended.value.details["extension_id"] == raised.id
    with refused("decided"):
        commands.decline(link, raised.id, "", digest_of(extension))


def test_only_the_hash_of_a_link_is_kept(scene: Extending, raised: Extension) -> None:
    kept = scene.session.query(ExtensionLink).one()
    assert scene.token() not in kept.token_hash
    assert len(kept.token_hash) == 64


def test_a_link_ends_after_72_hours(scene: Extending, raised: Extension) -> None:
    token = scene.token()
    link = commands.open_link(token)
    with scene.later(hours=71, minutes=59):
        commands.open_link(token)
    with scene.later(hours=72):
        with pytest.raises(LinkEnded):
            commands.open_link(token)
        with pytest.raises(LinkEnded):
            commands.approve(link, raised.id, [0], digest_of(raised))
    assert scene.fresh(raised.id).status is Status.PENDING


def test_a_link_ends_with_the_account(scene: Extending, raised: Extension, booking: Booking) -> None:
    link = commands.open_link(scene.token())
    booking.user.is_active = False
    scene.session.commit()
    with pytest.raises(LinkEnded):
        commands.open_link(scene.token())
    with pytest.raises(NotFound):
        commands.approve(link, raised.id, [0], queries.digest_of(raised))


def test_a_link_opens_no_other_extension(scene: Extending, booking: Booking, raised: Extension) -> None:
    link = commands.open_link(scene.token())
    other = scene.raised(booking, Offer("Wischer", (Item("Wischerblätter", 2490),)))
    with pytest.raises(NotFound):
        commands.approve(link, other.id, [0], digest_of(other))
    with pytest.raises(LinkEnded):
        commands.open_link("a token that nobody made")


# photos and videos


def shown(scene: Extending, booking: Booking, **facts: Any) -> MediaFile:
    """A file of the booking, as the worker left it."""
    defaults: dict[str, Any] = {
        "purpose": MediaPurpose.BOOKING,
        "purpose_id": booking.id,
        "kind": MediaKind.IMAGE,
        "uploaded_by": scene.staff.id,
        "content_type": "image/jpeg",
        "byte_size": 1000,
        "state": MediaState.READY,
        "small_name": "s",
        "medium_name": "m",
        "large_name": "l",
        "width": 9,
        "height": 9,
    }
    file = MediaFile(**{**defaults, **facts})
    scene.session.add(file)
    scene.session.commit()
    return file


def test_photos_show_the_whole_and_single_items(scene: Extending, booking: Booking) -> None:
    photo, video, detail = shown(scene, booking), shown(scene, booking, kind=MediaKind.VIDEO), shown(scene, booking)
    unused = shown(scene, booking)
    items = (replace(PADS, media=(detail.id,)), DISCS)
    extension = scene.raised(booking, replace(OFFER, items=items, media=(photo.id, video.id)))
    assert (extension.images, extension.videos) == ([str(photo.id)], [str(video.id)])
    view = queries.view_of(extension.id)
    assert (view.media, view.items[0].media) == ([photo.id, video.id], [detail.id])
    everything = [photo.id, video.id, detail.id, unused.id]
    assert queries.media_in_use(everything) == {photo.id, video.id, detail.id}
    commands.save_draft(scene.staff, booking.id, {"items": [{"media": [str(unused.id)]}]})
    assert queries.media_in_use(everything) == set(everything)


def test_photos_of_other_bookings_are_not_taken(scene: Extending, booking: Booking) -> None:
    other = shown(scene, scene.in_workshop())
    with invalid("media"):
        scene.raised(booking, replace(OFFER, media=(other.id,)))
    with invalid("items-0"):
        scene.raised(booking, replace(OFFER, items=(replace(PADS, media=(other.id,)),)))


# the catalogue


def test_usual_work_of_the_service_comes_first(scene: Extending) -> None:
    workshop_id, brakes, oil = scene.workshop.id, ServiceType.BRAKE_SERVICE, ServiceType.OIL_SERVICE
    put_work_item(workshop_id, None, "Wischer", 2490)
    put_work_item(workshop_id, brakes, "Scheiben", 21900, position=1)
    first = put_work_item(workshop_id, brakes, "Beläge", 12900)
    put_work_item(workshop_id, oil, "Filter", 3490)
    put_work_item(make_workshop().id, brakes, "Beläge", 50)
    assert [work.name for work in queries.catalogue(workshop_id, brakes)] == ["Beläge", "Scheiben", "Wischer"]
    assert put_work_item(workshop_id, brakes, " Beläge", 13900, description="vorn") == first
    scene.session.expire_all()
    assert [work.price for work in queries.catalogue(workshop_id, brakes)] == [13900, 21900, 2490]
    put_work_item(workshop_id, None, "Wischer", 2590)
    assert len(queries.catalogue(workshop_id, brakes)) == 3
    with invalid("item"):
        put_work_item(workshop_id, brakes, "Beläge", 0)


def test_the_demos_usual_work_can_be_offered(scene: Extending) -> None:
    for _twice in range(2):
        load_usual_work(scene.workshop.id)
    for service in ServiceType:
        works = queries.catalogue(scene.workshop.id, service)
        assert len(works) == len(USUAL_WORK[service]) + len(USUAL_WORK[None])
        assert all(rules.item_error(Item(work.name, work.price)) is None for work in works)
