"""Jobs of this feature: sending one message, and looking after those that were left behind."""

import uuid

from procrastinate import RetryStrategy

from b2c_web import jobs
from b2c_web.notifications import sending

# 5 s, 20 s, 35 s ... about three hours in all; a message that still waits then gets a new job
WHILE_THE_SERVER_IS_AWAY = RetryStrategy(max_attempts=40, wait=5, linear_wait=15)


@jobs.job("notifications.send", retry=WHILE_THE_SERVER_IS_AWAY)
def send(notification_id: str) -> None:
    sending.send(uuid.UUID(notification_id))


@jobs.periodic("notifications.look_after", cron="* * * * *")
def look_after() -> None:
    sending.give_up_on_lost()
    sending.defer_untended(send)
