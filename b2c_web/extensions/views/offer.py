"""An offer while it is written: read from the draft, changed by one tap, added up."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _

from b2c_web import formatting
from b2c_web.config import ZONE
from b2c_web.extensions import rules
from b2c_web.extensions.forms import LineForm, OfferForm, ids_of
from b2c_web.extensions.items import Item, Offer
from b2c_web.extensions.models import Extension, WorkItem
from b2c_web.extensions.views.shown import quantity
from b2c_web.extensions.wishes import WishView
from b2c_web.money import euro

ONE = "1"


@dataclass(frozen=True, slots=True)
class LineTotal:
    name: str
    note: str
    cents: int | None


@dataclass(frozen=True, slots=True)
class Totals:
    lines: list[LineTotal]
    cents: int


def totals_of(form: OfferForm) -> Totals:
    """What each line comes to as far as it can be read, and the sum of those."""
    lines = [_total(entry.form) for entry in form.items if not entry.form.is_blank]
    return Totals(lines, sum(line.cents or 0 for line in lines))


def _total(line: LineForm) -> LineTotal:
    price, amount = line.price.cents, line.quantity.amount
    readable = price is not None and amount is not None
    cents = rules.item_cents(price, amount) if readable else None  # type: ignore[arg-type]
    note = f"{quantity(amount)} × {formatting.eur(price)}" if readable and amount != 1 else ""  # type: ignore[arg-type]
    return LineTotal(line.name.data or "", note, cents)


def typed_price(cents: int) -> str:
    """As a person would type it: "189,99"."""
    return euro(cents, formatting.language()).replace("EUR", "").strip(" \u00a0")


def line_for(work: WorkItem | None, language: str = "de") -> dict[str, Any]:
    """A line as the form keeps it: usual work with its price, in the customer's `language`, or an empty one."""
    line = {"name": "", "description": "", "quantity": ONE, "price": "", "media": [], "work_item": "", "wish": ""}
    if work is not None:
        line |= {"name": work.name_in(language), "description": work.description_in(language)}
        line |= {"price": typed_price(work.price), "quantity": quantity(work.quantity), "work_item": str(work.id)}
    return line


def line_of_wish(wish: WishView, work: WorkItem | None) -> dict[str, Any]:
    """A line for what the customer wishes: at today's usual price where `work` has it, else at the price then."""
    line = line_for(None) | {"name": wish.name, "description": wish.description, "quantity": quantity(wish.quantity)}
    price = work.price if work else wish.price_cents
    more = {"price": typed_price(price), "work_item": str(work.id) if work else "", "wish": str(wish.id)}
    return line | more


def with_wishes(
    content: dict[str, Any], wishes: Sequence[WishView], usual: dict[str, WorkItem]
) -> tuple[dict[str, Any], int]:
    """The draft with a line for each of these wishes that has none yet, by its id or by the work's name; and how many
    found no room in it.
    """
    lines = content.get("items", [])
    there = {line.get("wish") for line in lines}
    named = {rules.name_key(line["name"]) for line in lines if not line.get("wish")}
    wanted = [one for one in wishes if one.is_open and str(one.id) not in there]
    missing = [one for one in wanted if rules.name_key(one.name) not in named]
    new = [line_of_wish(one, usual.get(rules.name_key(one.name))) for one in missing]
    words = content.get("description") or _("Diese Arbeiten haben Sie sich bei der Buchung gewünscht.")
    items = [*lines, *new][: max(rules.MOST_ITEMS, len(lines))]
    return content | {"items": items, "description": words}, len(lines) + len(new) - len(items)


def content_of(extension: Extension, wishes: dict[int, uuid.UUID], usual: Mapping[str, WorkItem]) -> dict[str, Any]:
    """An extension as a draft, to be corrected and sent anew. `wishes`: which of its lines take up which; `usual`: the
    catalogue by name, whose work a line is when it is called the same, at whatever price.
    """
    lines = [_line_of(kept, usual) for kept in extension.items]
    return {
        "description": extension.description,
        "items": [line | {"wish": str(wishes.get(place, ""))} for place, line in enumerate(lines)],
        "urgent": extension.urgent,
        "media": [*extension.images, *extension.videos],
        "new_return_slot_id": str(extension.new_return_slot_id or ""),
        "new_promised_at": _typed_time(extension),
        "delay_reason": extension.delay_reason,
    }


def _typed_time(extension: Extension) -> str:
    """The new promise as the field holds it; a window that was promised instead names its time itself."""
    promised = extension.new_promised_at
    if promised is None or extension.new_return_slot_id is not None:
        return ""
    return promised.astimezone(ZONE).replace(tzinfo=None).isoformat(timespec="minutes")


def _line_of(kept: dict[str, Any], usual: Mapping[str, WorkItem]) -> dict[str, Any]:
    amount, work = quantity(Decimal(kept["quantity"])), usual.get(rules.name_key(kept["name"]))
    more = {"description": kept.get("description", ""), "media": kept.get("media", [])}
    more["work_item"] = str(work.id) if work else ""
    return {"name": kept["name"], "quantity": amount, "price": typed_price(kept["price"]), **more}


def changed(content: dict[str, Any], catalogue: Sequence[WorkItem], pressed: dict[str, str], language: str) -> str:
    """Do to `content` what the pressed button says; returns what to announce, "" when no such button was pressed.

    `language`: the customer's, in which usual work is added.
    """
    lines = content["items"]
    if "add" in pressed and len(lines) >= rules.MOST_ITEMS:
        return str(rules.TOO_MANY_ITEMS)
    if "add" in pressed:
        work = next((one for one in catalogue if str(one.id) == pressed["add"]), None)
        lines.append(line_for(work, language))
        if work is None:
            return _("Eine leere Zeile ist im Angebot.")
        return _("%(name)s ist im Angebot.", name=work.name_in(formatting.language()))
    if "take_out" in pressed:
        content["items"] = [line for line in lines if line["work_item"] != pressed["take_out"]]
        return _("Aus dem Angebot genommen.")
    if pressed.get("remove", "").isdecimal() and int(pressed["remove"]) < len(lines):
        del lines[int(pressed["remove"])]
        return _("Aus dem Angebot genommen.")
    return ""


def offer_of(form: OfferForm) -> Offer:
    """The offer that a complete form holds."""
    return Offer(
        description=form.description.data or "",
        items=[_item_of(entry.form) for entry in form.items],
        urgent=bool(form.urgent.data),
        media=form.media.ids,
        new_return_slot_id=form.slot_id,
        new_promised_at=form.promised_at,
        delay_reason=form.delay_reason.data or "",
    )


def _item_of(line: LineForm) -> Item:
    return Item(
        name=line.name.data or "",
        price_cents=line.price.cents or 0,
        quantity=line.quantity.amount or Decimal(0),
        description=line.description.data or "",
        media=line.media.ids,
        wish_id=next(iter(ids_of([line.wish.data or ""])), None),
    )
