"""What happens by itself when its time has come (by the simulator's own clock)."""

from collections.abc import Callable

from . import charging, checkout, intents, paying, refunds
from .storage import Record
from .world import World


def expire_session(world: World, session: Record) -> None:
    if session["status"] == "open":
        checkout.close(world, session)


def lapse_authorisation(world: World, intent: Record) -> None:
    if intent["status"] == "requires_capture":
        intents.release(world, intent, "automatic", lapsed=True)


def settle_debit(world: World, intent: Record) -> None:
    charging.settle_debit(world, intent)
    paying.settled(world, intent)


ACTIONS: dict[str, Callable[[World, Record], None]] = {
    "expire_session": expire_session,
    "lapse_authorisation": lapse_authorisation,
    "settle_debit": settle_debit,
    "settle_refund": refunds.settle,
}


def run_due(world: World) -> int:
    """Runs what is due, in order; each request calls this first, so nobody sees a session past its time as open."""
    if not world.store.due_timers(world.now()):
        return 0
    with world.acting():
        due = world.store.due_timers(world.now())
        for object_id, action, _ in due:
            world.store.drop_timer(object_id, action)
            record = world.lookup(object_id)
            if record:
                ACTIONS[action](world, record)
    return len(due)
