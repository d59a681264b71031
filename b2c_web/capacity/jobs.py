"""Jobs of planning: whose turn it is on the waiting list, and requests that nobody answered."""

import uuid

from b2c_web import jobs
from b2c_web.capacity import moves, waiting, waiting_turns


@jobs.job("capacity.tell_waiting")
def tell_waiting(workshop_id: str) -> None:
    """Something was given back at a workshop: who waits for it is told, in order."""
    waiting_turns.tell_waiting(uuid.UUID(workshop_id))


@jobs.periodic("capacity.sweep_waiting", cron="* * * * *")
def sweep_waiting() -> None:
    """What no command reports (a price offered again, a job that gave up) is found within a minute."""
    waiting.end_past_days()
    jobs.for_each(waiting.workshops_waited_for(), waiting_turns.tell_waiting)


@jobs.periodic("capacity.end_offers", cron="*/5 * * * *")
def end_offers() -> None:
    """Requests to move that ran out, or whose car is under way, are over."""
    moves.end_old_offers()


@jobs.periodic("capacity.forget_waiting", cron="41 3 * * *")
def forget_waiting() -> None:
    """Who waited is forgotten 30 days after the day."""
    waiting.forget_old()
