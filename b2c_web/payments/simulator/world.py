"""What every part of the simulator works in: the store, the clock, the settings, the faults, and events."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import deliveries, objects
from .errors import NotFound
from .faults import Faults, WebhookRules
from .storage import Body, Clock, Record, Store

API_VERSION = "2026-10-28.endive"
PREFIX_OF = {
    "customer": ("cus_", 14),
    "payment_method": ("pm_", 24),
    "payment_intent": ("pi_", 24),
    "setup_intent": ("seti_", 24),
    "charge": ("ch_", 24),
    "mandate": ("mandate_", 24),
    "refund": ("re_", 24),
    "dispute": ("dp_", 24),
    "checkout.session": ("cs_test_", 58),
}
WORD_OF = {"PaymentMethod": "payment_method", "checkout session": "checkout.session"}


@dataclass
class Settings:
    """`webhook_events`: which types are sent (empty: all). `debit_seconds`: how long a SEPA debit is processing."""

    public_url: str
    webhook_url: str | None = None
    webhook_secret: str = ""
    webhook_events: frozenset[str] = frozenset()
    debit_seconds: int = 10
    retry_seconds: float = 1.0
    control_token: str | None = None


@dataclass
class Origin:
    """The request that causes what happens now. Id and key only of an API request; all empty for timers."""

    request_id: str | None = None
    key: str | None = None
    method: str = ""
    path: str = ""


@dataclass
class World:
    store: Store
    settings: Settings
    faults: Faults = field(default_factory=Faults)
    rules: WebhookRules = field(default_factory=WebhookRules)
    origin: Origin = field(default_factory=Origin)
    wake: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.clock = Clock(self.store)
        self._owes = False

    def now(self) -> int:
        return self.clock.now()

    @contextlib.contextmanager
    def acting(self, origin: Origin | None = None) -> Iterator[None]:
        """One transaction; the events inside name the request that caused them. Wakes the postman when it owes."""
        with self.store.transaction():
            self.origin, self._owes = origin or Origin(), False
            try:
                yield
            finally:
                self.origin, owes = Origin(), self._owes
        if owes:
            self.wake.set()

    def create(self, body: Body, private: Body | None = None) -> Record:
        """Gives the object its id and time, and keeps it."""
        prefix, length = PREFIX_OF[body["object"]]
        body["id"] = self.store.new_id(prefix, length)
        if "created" in body:
            body["created"] = self.now()
        return self.store.insert(Record(body, private or {}))

    def need(self, kind: str, object_id: str, param: str = "id") -> Record:
        """The object, or the provider's 404."""
        found = self.store.load(object_id)
        if found is None or found["object"] != WORD_OF.get(kind, kind):
            raise NotFound(kind, object_id, param)
        return found

    def emit(self, event_type: str, record: Record) -> None:
        """Records an event with the object as of now, and what is owed to the webhook for it."""
        event = objects.event(event_type, record.body, API_VERSION, self.origin.request_id, self.origin.key)
        event["id"], event["created"] = self.store.new_id("evt_"), self.now()
        event["pending_webhooks"] = deliveries.owe(self, event)
        self._owes = self._owes or event["pending_webhooks"] > 0
        self.store.insert(Record(event))

    def wanted(self, event_type: str) -> bool:
        chosen = self.settings.webhook_events
        return self.settings.webhook_url is not None and (not chosen or event_type in chosen)

    def lookup(self, object_id: Any) -> Record | None:
        return self.store.load(object_id) if isinstance(object_id, str) else None
