"""Events as the API shows them: the object as of then, and how many webhooks are still owed."""

from typing import Any

from . import deliveries
from .listing import page
from .params import EXPAND, LISTING, items, text
from .routing import Args, Route
from .world import World

Body = dict[str, Any]


def retrieve(world: World, args: Args, event_id: str) -> Body:
    return _current(world, world.need("event", event_id).body)


def listing(world: World, args: Args) -> Body:
    if args.get("type") and args.get("types"):
        args.pop("type")
    found = page(world, "event", args, "/v1/events", {"type": "label", "types": "label"})
    found["data"] = [_current(world, event) for event in found["data"]]
    return found


def _current(world: World, event: Body) -> Body:
    if event["pending_webhooks"]:
        event["pending_webhooks"] = deliveries.open_count(world, event["id"])
    return event


ROUTES = [
    Route("GET", "/v1/events", listing, {**LISTING, "type": text(), "types": items(text()), **EXPAND}),
    Route("GET", "/v1/events/<event_id>", retrieve, EXPAND),
]
