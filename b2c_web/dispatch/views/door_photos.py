"""The photos of a form at the door: named by it or by its address, and without script sent with it."""

from collections.abc import Collection
from contextlib import suppress
from typing import Any

from flask import current_app, request
from flask_login import current_user

from b2c_web.dispatch import blueprint, photos, tours
from b2c_web.dispatch.drivers import is_shown
from b2c_web.dispatch.forms import PhotosForm
from b2c_web.dispatch.models import JockeyAssignment
from b2c_web.errors import NotFound
from b2c_web.media import sent
from b2c_web.media.models import MediaFile, MediaPurpose

WITH_FILES = ("dispatch.handover", "dispatch.no_show", "dispatch.call")
PLACE = "photo"


@blueprint.url_value_preprocessor
def allow_large_files(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Before anything reads the body, from the trip's jockey while they see whose it is: sent twice, it may be done."""
    if endpoint in WITH_FILES and values and request.method == "POST" and current_user.is_authenticated:
        with suppress(NotFound):
            if is_shown(tours.own_tour(current_user, values["assignment_id"])):
                sent.read_large()


def came() -> bool:
    """Did files come with the form?"""
    return any(file.filename for file in request.files.values())


def take(tour: JockeyAssignment, form: PhotosForm, names: Collection[str]) -> None:
    """What was chosen in these fields and has not been sent by script is kept; the form knows it, and what is not."""
    with suppress(NotFound):  # the trip is over meanwhile: what the form asks for tells so
        for name in names:
            kept, refused = sent.take(current_user, MediaPurpose.BOOKING, tour.booking_id, f"file-{name}")
            form.taken[name] = list(map(str, kept))
            form.refused[name] = refused or _none_chosen(name)


def _none_chosen(name: str) -> list[str]:
    return [str(sent.NONE_CHOSEN)] if only_sent() and request.form["files"] == name and not came() else []


def only_sent() -> bool:
    """Was the button pressed that sends the chosen files and no more?"""
    return "files" in request.form


def of_field(tour: JockeyAssignment, name: str, form: PhotosForm) -> list[MediaFile]:
    """The newest photo of a field that counts for this trip: from the form, or from the address."""
    named = request.form.getlist(name) if request.method == "POST" else request.args.getlist(name)
    return photos.sent([*named, *form.taken.get(name, ())], tour)[-1:]


def fields() -> list[str]:
    """The handover's, one for each view."""
    return [f"photo_{view}" for view in current_app.config["HANDOVER_VIEWS"]]


def of_views(tour: JockeyAssignment, form: PhotosForm) -> dict[str, list[MediaFile]]:
    """The photo of each view as far as it is there. One photo shows one view, the first that names it."""
    chosen: dict[str, list[MediaFile]] = {}
    for view in current_app.config["HANDOVER_VIEWS"]:
        taken = [file for files in chosen.values() for file in files]
        chosen[view] = [file for file in of_field(tour, f"photo_{view}", form) if file not in taken]
    return chosen


def shown(tour: JockeyAssignment, form: PhotosForm) -> list[dict[str, str]]:
    """The views as a handover names them."""
    return [{"view": view, "file": str(file.id)} for view, files in of_views(tour, form).items() for file in files]


def place(tour: JockeyAssignment, form: PhotosForm) -> list[MediaFile]:
    """The photo of the place; on a page that is loaded again the newest that this jockey took at this door."""
    chosen = of_field(tour, PLACE, form)
    if chosen or request.method == "POST" or tour.arrived_at is None:
        return chosen
    return photos.taken_since(tour, tour.arrived_at)[-1:]
