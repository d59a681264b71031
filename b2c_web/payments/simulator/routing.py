"""A route of the API: which function answers, which parameters it knows, which it needs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .params import Spec

Args = dict[str, Any]
Handler = Callable[..., dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Route:
    """`handler(world, args, **ids)` returns the object to answer with; it runs in one transaction."""

    method: str
    rule: str
    handler: Handler
    spec: Spec = field(default_factory=dict)
    required: tuple[str, ...] = ()
