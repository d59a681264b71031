"""SEPA mandates: granted once for an account, shown by its SetupIntent and by each of its charges."""

from typing import Any

from .params import EXPAND
from .routing import Args, Route
from .storage import Record
from .world import World

Body = dict[str, Any]


def grant(world: World, method: Record) -> str:
    """The id of the account's mandate; a new one when it has none. Runs inside `World.acting()`."""
    if "mandate" not in method.private:
        body = _mandate(method.id, world.now(), world.store.new_id("", 16).upper())
        method.private["mandate"] = world.create(body).id
        world.store.save(method)
    return str(method.private["mandate"])


def _mandate(method_id: str, accepted_at: int, reference: str) -> Body:
    accepted = {"accepted_at": accepted_at, "online": {"ip_address": None, "user_agent": None}, "type": "online"}
    return {
        "id": "",
        "object": "mandate",
        "customer_acceptance": accepted,
        "livemode": False,
        "multi_use": {},
        "payment_method": method_id,
        "payment_method_details": {"sepa_debit": {"reference": reference, "url": ""}, "type": "sepa_debit"},
        "status": "active",
        "type": "multi_use",
    }


def retrieve(world: World, args: Args, mandate_id: str) -> Body:
    return world.need("mandate", mandate_id).body


ROUTES = [Route("GET", "/v1/mandates/<mandate_id>", retrieve, EXPAND)]
