"""What an extension offers, in the shape that commands take and the table keeps."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of work or one part. `price_cents` gross for one of it, `quantity` with up to three decimals.

    `media`: ids of the booking's media files that show it. `wish_id`: the customer's wish that it takes up.
    """

    name: str
    price_cents: int
    quantity: Decimal = Decimal(1)
    description: str = ""
    media: Sequence[uuid.UUID] = ()
    wish_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """All of one extension. `media` shows the whole.

    More work can mean a new promise: `new_return_slot_id` (concierge; its end is the new promise) or, for a car that
    the customer fetches, `new_promised_at` alone; both only with `delay_reason`.
    """

    description: str
    items: Sequence[Item]
    urgent: bool = False
    media: Sequence[uuid.UUID] = ()
    new_return_slot_id: uuid.UUID | None = None
    new_promised_at: datetime | None = None
    delay_reason: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """What the customer said outside of our pages. `channel` one of `rules.CHANNELS`, `at` an aware instant."""

    channel: str
    name: str
    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class ItemView:
    """One item as pages show it. `accepted` is None while nobody has decided."""

    index: int
    name: str
    description: str
    price_cents: int
    quantity: Decimal
    sum_cents: int
    media: list[uuid.UUID] = field(default_factory=list)
    accepted: bool | None = None
    not_done: bool = False


def quantity_text(quantity: Decimal) -> str:
    """ "1.5": plain, without an exponent and without zeros at the end."""
    plain = format(quantity, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def to_json(item: Item) -> dict[str, Any]:
    """The item as the table keeps it."""
    return {
        "name": item.name.strip(),
        "description": item.description.strip(),
        "price": item.price_cents,
        "quantity": quantity_text(item.quantity),
        "media": [str(one) for one in item.media],
    }


def from_json(kept: dict[str, Any]) -> Item:
    """The item as it was offered."""
    return Item(
        name=kept["name"],
        description=kept.get("description", ""),
        price_cents=kept["price"],
        quantity=Decimal(kept["quantity"]),
        media=tuple(uuid.UUID(one) for one in kept.get("media", ())),
    )
