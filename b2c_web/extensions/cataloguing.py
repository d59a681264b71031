"""The catalogue of usual work: what a workshop finds again and again, at its price."""

import uuid

from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from b2c_web import audit
from b2c_web.catalog.models import ServiceType
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.extensions import rules
from b2c_web.extensions.items import Item
from b2c_web.extensions.models import WorkItem
from b2c_web.extensions.refusing import refuse_field
from b2c_web.flask_extensions import db


def put_work_item(
    workshop_id: uuid.UUID,
    service: ServiceType | None,
    name: str,
    price_cents: int,
    *,
    description: str = "",
    position: int = 0,
) -> uuid.UUID:
    """Usual work with one service (None: with every one) at its gross price; the same name again changes it.

    Returns its id. Extensions that were raised keep the price that they had. Raises Invalid (`item`).
    """
    wrong = rules.item_error(Item(name, price_cents))
    refuse_field(("item", wrong) if wrong else None)
    changes = {
        "description": description.strip(),
        "price": price_cents,
        "position": position,
        "is_active": True,
        "updated_at": now_utc(),
    }
    key = {"workshop_id": workshop_id, "service": service, "name": name.strip()}
    statement = insert(WorkItem).values(id=uuid7(), **key, **changes)
    with command_transaction():
        statement = statement.on_conflict_do_update(index_elements=list(key), set_=changes)
        item_id: uuid.UUID = db.session.execute(statement.returning(WorkItem.id)).scalar_one()
        audit.record("work_item.put", "work_item", item_id, after={"name": name.strip(), "price": price_cents})
        return item_id
