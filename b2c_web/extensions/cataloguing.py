"""The catalogue of usual work: what a workshop finds again and again, at its price."""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from b2c_web import audit
from b2c_web.accounts.models import Role, User
from b2c_web.catalog.models import ServiceType
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Invalid, NotFound
from b2c_web.extensions import rules
from b2c_web.extensions.items import Item, quantity_text
from b2c_web.extensions.models import WorkItem
from b2c_web.extensions.refusing import refuse_field
from b2c_web.flask_extensions import db

KEY = ("workshop_id", "service", "name")
KNOWN = _l("Diese Arbeit steht mit diesem Namen schon im Katalog oder in seinem Archiv.")


@dataclass(frozen=True, slots=True)
class UsualWork:
    """Work as the catalogue has it: `price_cents` gross for one of it, usually `quantity` of it; None: any service.

    `name_en`, `description_en`: what English customers read; empty: the German.
    """

    name: str
    price_cents: int
    service: ServiceType | None = None
    quantity: Decimal = Decimal(1)
    description: str = ""
    name_en: str = ""
    description_en: str = ""

    def facts(self) -> dict[str, Any]:
        """The columns that say it."""
        return {
            "service": self.service,
            "name": self.name.strip(),
            "price": self.price_cents,
            "quantity": self.quantity,
            "description": self.description.strip(),
            "name_en": self.name_en.strip(),
            "description_en": self.description_en.strip(),
        }


def put_work_item(
    workshop_id: uuid.UUID,
    service: ServiceType | None,
    name: str,
    price_cents: int,
    *,
    description: str = "",
    position: int = 0,
    quantity: Decimal = Decimal(1),
    name_en: str = "",
    description_en: str = "",
) -> uuid.UUID:
    """Usual work with one service (None: with every one) at its gross price; the same name again changes it.

    Returns its id. Extensions that were raised keep the price that they had. Raises Invalid (`item`).
    """
    wrong = rules.item_error(Item(name, price_cents, quantity))
    refuse_field(("item", wrong) if wrong else None)
    work = UsualWork(name, price_cents, service, quantity, description, name_en, description_en)
    facts = {"workshop_id": workshop_id, "position": position, "is_active": True} | work.facts()
    facts |= {"updated_at": now_utc()}
    changes = {column: value for column, value in facts.items() if column not in KEY}
    with command_transaction():
        statement = insert(WorkItem).values(id=uuid7(), **facts)
        statement = statement.on_conflict_do_update(index_elements=list(KEY), set_=changes)
        item_id: uuid.UUID = db.session.execute(statement.returning(WorkItem.id)).scalar_one()
        audit.record("work_item.put", "work_item", item_id, after={"name": name.strip(), "price": price_cents})
        return item_id


def add_work_item(staff: User, workshop_id: uuid.UUID, work: UsualWork) -> uuid.UUID:
    """New usual work of the workshop; one of that name that was archived comes back, as it is written now.

    Returns its id. Raises NotFound for another workshop, Invalid (`price`, `quantity`, `name_en`; `name` when it is
    there).
    """
    _check(staff, workshop_id, work)
    facts = {"workshop_id": workshop_id, "is_active": True, "updated_at": now_utc()} | work.facts()
    changes = {column: value for column, value in facts.items() if column not in KEY}
    statement = insert(WorkItem).values(id=uuid7(), **facts)
    archived = WorkItem.is_active.is_(False)
    statement = statement.on_conflict_do_update(index_elements=list(KEY), set_=changes, where=archived)
    with command_transaction():
        item_id: uuid.UUID | None = db.session.execute(statement.returning(WorkItem.id)).scalar_one_or_none()
        if item_id is None:
            raise Invalid(KNOWN, field="name")
        audit.record("work_item.add", "work_item", item_id, after=_told(work))
        return item_id


def change_work_item(staff: User, item_id: uuid.UUID, work: UsualWork) -> None:
    """What the catalogue says from now on; raised extensions and drafts keep what they say. Raises as `add`."""
    try:
        with command_transaction():
            row = _locked(staff, item_id)
            _check(staff, row.workshop_id, work)
            before = _told(UsualWork(row.name, row.price, row.service, row.quantity, row.description, row.name_en))
            for column, value in work.facts().items():
                setattr(row, column, value)
            db.session.flush()
            audit.record("work_item.change", "work_item", item_id, before=before, after=_told(work))
    except IntegrityError as error:
        if "uq_work_items_workshop_id_service_name" in str(error.orig):
            raise Invalid(KNOWN, field="name") from error
        raise


def archive_work_item(staff: User, item_id: uuid.UUID) -> None:
    """It is not offered any more; its row stays. Twice changes nothing. Raises NotFound."""
    _set_active(staff, item_id, active=False)


def restore_work_item(staff: User, item_id: uuid.UUID) -> None:
    """An archived one is offered again. Twice changes nothing. Raises NotFound."""
    _set_active(staff, item_id, active=True)


def _set_active(staff: User, item_id: uuid.UUID, *, active: bool) -> None:
    with command_transaction():
        row = _locked(staff, item_id)
        if row.is_active == active:
            return
        row.is_active = active
        audit.record("work_item.restore" if active else "work_item.archive", "work_item", item_id)


def _locked(staff: User, item_id: uuid.UUID) -> WorkItem:
    wanted = select(WorkItem).where(WorkItem.id == item_id).with_for_update()
    row = db.session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
    if row is None or not _works_there(staff, row.workshop_id):
        raise NotFound
    return row


def _works_there(staff: User, workshop_id: uuid.UUID) -> bool:
    return staff.role is Role.ADMIN or (staff.role is Role.WORKSHOP and staff.workshop_id == workshop_id)


def _check(staff: User, workshop_id: uuid.UUID, work: UsualWork) -> None:
    if not _works_there(staff, workshop_id):
        raise NotFound
    refuse_field(rules.usual_work_error(Item(work.name, work.price_cents, work.quantity)))
    wrong = rules.item_error(Item(work.name_en or work.name, work.price_cents, work.quantity))
    refuse_field(("name_en", wrong) if wrong else None)


def _told(work: UsualWork) -> dict[str, Any]:
    names = {"name": work.name.strip(), "name_en": work.name_en.strip()}
    return names | {"price": work.price_cents, "quantity": quantity_text(work.quantity)}
