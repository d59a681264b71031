"""Reads form-encoded nested parameters and checks them as the provider does, before anything runs.

A specification is a dict of name -> check. A check takes (value, name) and returns the typed value or raises
`InvalidParams`. Parameters that are not in the specification are refused: a misspelt one must not pass here
and fail at the real provider.
"""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

from .errors import InvalidParams

Check = Callable[[Any, str], Any]
Spec = dict[str, Check]
MAX_DEPTH = 6
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,15}")


def parse_form(text: str) -> dict[str, Any]:
    """`a[b][0][c]=1&expand[]=x` -> {"a": {"b": {"0": {"c": "1"}}}, "expand": {"0": "x"}}; lists stay maps by index."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=2000):
        _put(tree, _segments(name), value, name)
    return tree


def _segments(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    if not bracket:
        return [head]
    if not rest.endswith("]"):
        raise InvalidParams(f"Invalid parameter name: {name}", param=name)
    segments = [head, *rest[:-1].split("][")]
    if len(segments) > MAX_DEPTH:
        raise InvalidParams(f"Parameter is nested too deeply: {name}", param=name)
    return segments


def _put(tree: dict[str, Any], segments: list[str], value: str, name: str) -> None:
    node = tree
    for depth, raw in enumerate(segments):
        key = raw if raw or depth == 0 else str(len(node))
        if depth == len(segments) - 1:
            node[key] = value
            return
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            raise InvalidParams(f"Invalid hash: {name}", param=name)


def checked(tree: dict[str, Any], spec: Spec, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The typed parameters. Raises `InvalidParams` for an unknown, malformed or missing one."""
    values = _fields(tree, spec, "")
    for name in required:
        if values.get(name) is None:
            raise InvalidParams(f"Missing required param: {name}.", code="parameter_missing", param=name)
    return values


def _fields(tree: Any, spec: Spec, prefix: str) -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise InvalidParams("Invalid object", param=prefix)
    values = {}
    for key, value in tree.items():
        name = f"{prefix}[{key}]" if prefix else key
        if key not in spec:
            message = f"Received unknown parameter: {name} (or one that this simulator does not speak)"
            raise InvalidParams(message, code="parameter_unknown", param=name)
        values[key] = None if value == "" else spec[key](value, name)
    return values


def text(limit: int = 5000) -> Check:
    def check(value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise InvalidParams("Invalid string: must be a string", param=name)
        if len(value) > limit:
            raise InvalidParams(f"Invalid string: must be at most {limit} characters", param=name)
        return value

    return check


def integer(value: Any, name: str) -> int:
    if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value):
        return int(value)
    raise InvalidParams(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)


def amount(value: Any, name: str) -> int:
    number = integer(value, name)
    if number < 0:
        raise InvalidParams("Invalid non-negative integer", code="parameter_invalid_integer", param=name)
    if number > 99_999_999:
        raise InvalidParams("Amount must be no more than €999,999.99", code="amount_too_large", param=name)
    return number


def decimal_cents(value: Any, name: str) -> int:
    try:
        number = Decimal(value)
    except (InvalidOperation, TypeError):
        raise InvalidParams(f"Invalid decimal: {value}", param=name) from None
    if number != int(number):
        raise InvalidParams("Fractions of a cent are not spoken here", param=name)
    return amount(str(int(number)), name)


def flag(value: Any, name: str) -> bool:
    if value not in ("true", "false"):
        raise InvalidParams(f"Invalid boolean: {value}", param=name)
    return bool(value == "true")


def one_of(*choices: str) -> Check:
    def check(value: Any, name: str) -> str:
        if value not in choices:
            raise InvalidParams(f"Invalid {name}: must be one of {', '.join(choices)}", param=name)
        return str(value)

    return check


def flag_or(*choices: str) -> Check:
    def check(value: Any, name: str) -> bool | str:
        return str(value) if value in choices else flag(value, name)

    return check


def fields(spec: Spec, required: tuple[str, ...] = ()) -> Check:
    def check(value: Any, name: str) -> dict[str, Any]:
        values = _fields(value, spec, name)
        for key in required:
            if values.get(key) is None:
                missing = f"{name}[{key}]"
                raise InvalidParams(f"Missing required param: {missing}.", code="parameter_missing", param=missing)
        return values

    return check


def items(item: Check) -> Check:
    def check(value: Any, name: str) -> list[Any]:
        if not isinstance(value, dict):
            raise InvalidParams("Invalid array", param=name)
        return [item(part, f"{name}[{index}]") for index, part in enumerate(value.values())]

    return check


def metadata(value: Any, name: str) -> dict[str, str]:
    """At most 50 keys of 40 characters with values of 500; an empty value removes a key on update."""
    if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
        raise InvalidParams("Invalid object: metadata is a flat hash of strings", param=name)
    if len(value) > 50:
        raise InvalidParams("Metadata can have at most 50 keys", param=name)
    for key, part in value.items():
        if len(key) > 40 or len(part) > 500:
            raise InvalidParams("Metadata keys have at most 40, values at most 500 characters", param=f"{name}[{key}]")
    return dict(value)


def hash_of_anything(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidParams("Invalid object", param=name)
    return value


def instant_or_range(value: Any, name: str) -> dict[str, int]:
    """`created=5` or `created[gte]=5`, as a map of comparison -> instant."""
    if isinstance(value, str):
        return {"gte": integer(value, name), "lte": integer(value, name)}
    return {
        key: int(part) for key, part in fields(dict.fromkeys(("gt", "gte", "lt", "lte"), integer))(value, name).items()
    }


ADDRESS = fields({key: text() for key in ("city", "country", "line1", "line2", "postal_code", "state")})
EXPAND: Spec = {"expand": items(text())}
LISTING: Spec = {
    "limit": integer,
    "starting_after": text(),
    "ending_before": text(),
    "created": instant_or_range,
}


def merged_metadata(old: dict[str, str], new: dict[str, str] | None) -> dict[str, str]:
    """The provider's rule for updates: keys are merged, an empty value removes one, unsetting `metadata` clears it."""
    if new is None:
        return {}
    return {key: value for key, value in {**old, **new}.items() if value != ""}
