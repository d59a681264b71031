"""What a check of `flask verify` answers: the name of an invariant and how often live data breaks it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Breach:
    """One invariant. `count` is 0 when it holds; `examples` name up to five of the rows that break it."""

    name: str
    count: int = 0
    examples: list[str] = field(default_factory=list)
