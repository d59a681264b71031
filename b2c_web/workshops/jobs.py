"""Jobs of the workshops: the calendar moves on every night."""

import logging
import uuid

from sqlalchemy import select

from b2c_web import jobs
from b2c_web.flask_extensions import db
from b2c_web.workshops.commands import roll_on
from b2c_web.workshops.models import Workshop

log = logging.getLogger(__name__)


@jobs.periodic("workshops.roll_horizon", cron="30 1 * * *")
def roll_horizon() -> None:
    """Give every active workshop the days that came into sight since yesterday."""
    active = db.session.scalars(select(Workshop.id).where(Workshop.is_active).order_by(Workshop.id)).all()
    jobs.for_each(active, _roll_on)


def _roll_on(workshop_id: uuid.UUID) -> None:
    made = roll_on(workshop_id)
    log.info("workshop %s: %d new days, %d windows", workshop_id, len(made.open_days), made.windows)
