"""Lists with the provider's cursors, and `expand[]`."""

from typing import Any

from . import objects
from .errors import InvalidParams
from .routing import Args
from .storage import Body, Record
from .world import World

OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
MAX_DEPTH = 4


def page(world: World, kind: str, args: Args, url: str, filters: dict[str, str]) -> Body:
    """Newest first. `filters`: parameter -> column of the store, or a path into the object (`$.name`)."""
    records, has_more = select(world, kind, args, filters)
    return objects.listing([record.body for record in records], has_more, url)


def select(world: World, kind: str, args: Args, filters: dict[str, str]) -> tuple[list[Record], bool]:
    where, values = _conditions(args, filters)
    limit = 10 if args.get("limit") is None else args["limit"]
    if not 1 <= limit <= 100:
        raise InvalidParams("Limit must be between 1 and 100", code="parameter_invalid_integer", param="limit")
    backwards = args.get("ending_before") is not None
    cursor = args.get("ending_before") or args.get("starting_after")
    if cursor is not None:
        where += f" AND seq {'>' if backwards else '<'} ?"
        values.append(_position(world, kind, cursor))
    tail = f"ORDER BY seq {'ASC' if backwards else 'DESC'} LIMIT {limit + 1}"
    found = world.store.select(kind, where, tuple(values), tail)
    shown = found[:limit]
    return (shown[::-1] if backwards else shown), len(found) > limit


def _conditions(args: Args, filters: dict[str, str]) -> tuple[str, list[Any]]:
    where = " AND label IS NOT 'deleted'"
    values: list[Any] = []
    for name, place in filters.items():
        if args.get(name) is None:
            continue
        chosen = args[name] if isinstance(args[name], list) else [args[name]]
        column = f"json_extract(body, '{place}')" if place.startswith("$") else place
        where += f" AND {column} IN ({', '.join('?' * len(chosen))})"
        values += chosen
    for operator, instant in (args.get("created") or {}).items():
        where += f" AND created {OPERATORS[operator]} ?"
        values.append(instant)
    return where, values


def _position(world: World, kind: str, cursor: str) -> int:
    found = world.store.rows("SELECT seq FROM objects WHERE id = ? AND kind = ?", (cursor, kind))
    if not found:
        raise InvalidParams(f"No such {kind}: '{cursor}'", code="resource_missing", param="starting_after")
    return int(found[0][0])


def expand(world: World, body: Body, paths: list[str]) -> Body:
    """Replaces ids by their objects along each path (`payment_intent.latest_charge`, `data.customer`)."""
    for path in paths:
        if path.count(".") >= MAX_DEPTH:
            raise InvalidParams(f"You cannot expand more than {MAX_DEPTH} levels of a property.", param="expand")
        _expand(world, body, path, path)
    return body


def _expand(world: World, body: Body, path: str, whole: str) -> None:
    head, _, rest = path.partition(".")
    if body.get("object") == "list" and head == "data" and rest:
        for item in body["data"]:
            _expand(world, item, rest, whole)
        return
    if head == "line_items" and body.get("object") == "checkout.session":
        body["line_items"] = line_items(world, world.need("checkout session", body["id"]))
    value = body.get(head, False)
    found = world.lookup(value)
    if found:
        body[head] = value = found.body
    if value is False or (not found and isinstance(value, str | int | list)):
        raise InvalidParams(f"This property cannot be expanded ({whole}).", param="expand")
    if rest and isinstance(value, dict):
        _expand(world, value, rest, whole)


def line_items(world: World, session: Record) -> Body:
    """What a Checkout Session sells, as the provider lists it."""
    url = f"/v1/checkout/sessions/{session.id}/line_items"
    return objects.listing(session.private["line_items"], False, url)
