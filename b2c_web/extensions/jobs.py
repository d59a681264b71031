"""Jobs: asking the customer again, telling staff. Each looks at the state first: safe to run late, and twice."""

import uuid

from b2c_web.jobs import job, periodic


@job("extensions.remind_customer")
def remind_customer(extension_id: str) -> None:
    from b2c_web.extensions.reminding import remind

    remind(uuid.UUID(extension_id))


@job("extensions.tell_staff")
def tell_staff(extension_id: str) -> None:
    from b2c_web.extensions.reminding import alert

    alert(uuid.UUID(extension_id))


@periodic("extensions.sweep_unanswered", cron="*/5 * * * *")
def sweep_unanswered() -> None:
    """Who should have been asked again or told, and was not because a job gave up, hears of it now."""
    from b2c_web.extensions.reminding import catch_up

    catch_up()
