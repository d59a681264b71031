"""Saving a card or an account without charging it, in our own words; a part of `PaymentGateway`."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from b2c_web.payments.setup_models import MethodKind


@dataclass(frozen=True)
class SavedMethod:
    """A card or account as it may be shown. `customer_id` None: it is not kept for later use."""

    id: str
    type: str
    customer_id: str | None
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None

    @property
    def label(self) -> str:
        """ "visa 4242", for receipts."""
        return f"{self.brand or self.type} {self.last4 or ''}".strip()


class SetupOutcome(StrEnum):
    """What the provider says of a page that saves a method."""

    WAITING = "WAITING"
    SAVED = "SAVED"
    CLOSED = "CLOSED"  # expired, or saved and taken away again: nothing is kept


@dataclass(frozen=True)
class SetupOrder:
    """A page we want that saves one card or account. `note`: our words beside its button. The key is made from our
    ids."""

    setup_id: uuid.UUID
    customer_id: str
    kind: MethodKind
    note: str
    success_url: str
    cancel_url: str
    language: str
    expires_at: datetime
    key: str


@dataclass(frozen=True)
class SetupSnapshot:
    """What the provider knows of such a page now. `page_url`: while it is open. `mandate`: an account's reference."""

    outcome: SetupOutcome
    setup_id: uuid.UUID | None
    customer_id: str | None
    checkout_id: str | None = None
    page_url: str | None = None
    method: SavedMethod | None = None
    mandate: str | None = None


class MethodSetups(Protocol):
    """Promises as in `PaymentGateway`: what may be raised, and what a key is for."""

    def open_setup(self, order: SetupOrder) -> SetupSnapshot:
        """A page where the customer saves a card or an account; it ends at `order.expires_at` (30 min to 24 h)."""

    def look_setup(self, checkout_id: str) -> SetupSnapshot:
        """The page as it is now, with what was saved on it."""

    def find_setup(self, customer_id: str, setup_id: uuid.UUID) -> SetupSnapshot | None:
        """A page of ours whose id we never learned, among the customer's; one that saved or is open first."""

    def expire_setup(self, checkout_id: str, key: str) -> SetupSnapshot:
        """Ends a page and says what won: CLOSED, or SAVED when the customer was quicker. Safe to repeat."""

    def recent_setups(self, since: datetime) -> Iterator[SetupSnapshot]:
        """Every attempt to save a method since then, newest first, page by page; without page and method."""
