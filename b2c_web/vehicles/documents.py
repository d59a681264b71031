"""The registration document of a car: a file that only its owner ever gets to see."""

import uuid
from typing import BinaryIO, Protocol

from flask import current_app
from sqlalchemy import select

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.db import command_transaction
from b2c_web.errors import Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.vehicles import rules
from b2c_web.vehicles.models import Vehicle


class DocumentStore(Protocol):
    """What cars need of a store of files; `media` provides one."""

    def put(self, content: bytes, extension: str) -> str: ...
    def open(self, name: str) -> BinaryIO: ...
    def delete(self, name: str) -> None: ...


def attach_document(user: User, vehicle_id: uuid.UUID, content: bytes) -> None:
    """Keep `content` as the registration document of a car, in place of the one before.

    The file is written before the row that names it and the old one deleted after, so that the row never names
    nothing. Raises Invalid (too big, or not PDF, JPEG or PNG by its content), NotFound for anybody else's car.
    """
    user_id = user.id
    refusal = rules.document_refusal(content)
    kind = rules.document_kind(content)
    if refusal or kind is None:
        raise Invalid(refusal, field="document")
    name = _store().put(content, kind.extension)
    try:
        old = _exchange(user_id, vehicle_id, name)
    except BaseException:
        _store().delete(name)
        raise
    _forget(old)


def remove_document(user: User, vehicle_id: uuid.UUID) -> None:
    """Delete the registration document of a car. Raises NotFound for anybody else's."""
    _forget(_exchange(user.id, vehicle_id, None))


def open_document(vehicle: Vehicle) -> tuple[BinaryIO, rules.DocumentKind]:
    """The registration document of a car and what it is. Raises NotFound when there is none."""
    name = vehicle.registration_document
    if name is None:
        raise NotFound
    try:
        return _store().open(name), rules.kind_of_name(name)
    except FileNotFoundError as error:
        raise NotFound from error


def _exchange(user_id: uuid.UUID, vehicle_id: uuid.UUID, name: str | None) -> str | None:
    """Command: the car's document is `name` from now on. Returns the one before."""
    with command_transaction():
        mine = select(Vehicle).where(Vehicle.id == vehicle_id, Vehicle.user_id == user_id)
        vehicle = db.session.scalars(mine.with_for_update()).one_or_none()
        if vehicle is None:
            raise NotFound
        old, vehicle.registration_document = vehicle.registration_document, name
        audit.record("vehicle.document", "vehicle", vehicle_id, before={"has": bool(old)}, after={"has": bool(name)})
    return old


def _forget(name: str | None) -> None:
    if name is not None:
        _store().delete(name)


def _store() -> DocumentStore:
    store: DocumentStore = current_app.extensions["media_store"]
    return store
