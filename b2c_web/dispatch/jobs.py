"""Jobs around trips: Ronjas that are back and clean or not back, jockeys whose shift begins or ends."""

import uuid

from b2c_web.db import command_transaction
from b2c_web.dispatch import keeping, whereabouts
from b2c_web.flask_extensions import db
from b2c_web.jobs import for_each, job, periodic


@job("dispatch.ronja_ready")
def ronja_ready(ronja_id: str) -> None:
    """A Ronja is AVAILABLE again; nothing to do when it is out again meanwhile."""
    with command_transaction():
        whereabouts.ronja_is_ready(uuid.UUID(ronja_id))


@periodic("dispatch.shifts", cron="*/5 * * * *")
def shifts() -> None:
    """Jockeys are ACTIVE from the start of their shift and OFF_DUTY after its end."""
    stale = whereabouts.jockeys_out_of_date()
    db.session.rollback()
    for jockey_id in stale:
        with command_transaction():
            whereabouts.refresh_jockey(jockey_id)


@periodic("dispatch.keep_ronjas", cron="*/5 * * * *")
def keep_ronjas() -> None:
    """A Ronja that is not back in time stays taken."""
    for_each(keeping.overdue(), keeping.keep_ronja)
