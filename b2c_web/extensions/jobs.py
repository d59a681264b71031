"""Jobs: asking the customer again, telling staff. Each looks at the state first, so that it is safe to run late."""

import uuid

from b2c_web.jobs import job


@job("extensions.remind_customer")
def remind_customer(extension_id: str) -> None:
    from b2c_web.extensions.reminding import remind

    remind(uuid.UUID(extension_id))


@job("extensions.tell_staff")
def tell_staff(extension_id: str) -> None:
    from b2c_web.extensions.reminding import alert

    alert(uuid.UUID(extension_id))
