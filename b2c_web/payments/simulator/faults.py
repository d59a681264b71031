"""What the simulator was told to do wrong. Kept in memory only: a restarted process behaves again."""

import fnmatch
import threading
from dataclasses import asdict, dataclass
from typing import Any, Literal

from .errors import ApiError, Failure, InjectedCardError, RateLimited

Body = dict[str, Any]
FaultKind = Literal["delay", "drop", "error", "decline"]
RuleKind = Literal["twice", "late", "out_of_order", "never"]


@dataclass
class Fault:
    """`times` None: until cleared. `path`: a prefix, or a pattern when it contains `*`.

    delay: answer `milliseconds` later, acting first or (`when="before"`) at the end of the delay.
    drop: act, then close the connection without an answer.
    error: answer `status` 500, 429 or 402 instead of acting; `stored=False`: not under the idempotency key.
    decline: the next payment attempt of a matching request is declined by the bank with `decline_code`.
    """

    kind: FaultKind
    times: int | None = 1
    method: str = "*"
    path: str = "/"
    milliseconds: int = 0
    when: Literal["before", "after"] = "before"
    status: int = 500
    stored: bool = True
    decline_code: str = "generic_decline"

    def matches(self, method: str, path: str) -> bool:
        if self.method not in ("*", method):
            return False
        return fnmatch.fnmatchcase(path, self.path) if "*" in self.path else path.startswith(self.path)

    def error(self) -> ApiError:
        if self.status == 429:
            return RateLimited()
        if self.status == 402:
            code = self.decline_code
            return InjectedCardError("Your card was declined.", code="card_declined", decline_code=code)
        return Failure(self.stored)


@dataclass
class WebhookRule:
    """`event`: a pattern of event types; `times` None: until cleared.

    twice: two deliveries. late: not before `seconds`. never: kept back until "flush" with `withheld`.
    out_of_order: keeps `times` deliveries back, then sends them in the opposite order.
    """

    kind: RuleKind
    event: str = "*"
    times: int | None = None
    seconds: float = 0
    batch: str = ""


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, kind: FaultKind, method: str, path: str) -> Fault | None:
        """The first matching fault, counted as used; None costs no lock."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if fault.kind == kind and fault.matches(method, path):
                    if fault.times is not None:
                        fault.times -= 1
                    self._faults = [each for each in self._faults if each.times is None or each.times > 0]
                    return fault
        return None

    def listed(self) -> list[Body]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]


class WebhookRules:
    def __init__(self) -> None:
        self._rules: list[WebhookRule] = []

    def add(self, rule: WebhookRule) -> None:
        self._rules.append(rule)

    def clear(self) -> None:
        self._rules.clear()

    def take(self, event_type: str) -> tuple[WebhookRule | None, bool]:
        """The first matching rule, counted as used, and whether that was its last use. The store's lock is held."""
        for rule in self._rules:
            if fnmatch.fnmatchcase(event_type, rule.event):
                if rule.times is None:
                    return rule, False
                rule.times -= 1
                if rule.times <= 0:
                    self._rules.remove(rule)
                return rule, rule.times <= 0
        return None, False

    def listed(self) -> list[Body]:
        return [asdict(rule) for rule in self._rules]
