"""Every kind of object has exactly the provider's fields, with types that the provider documents.

`stripe_shapes.json`: field path -> JSON types. `fields` must all be there wherever their parent is an object;
`may_have` are documented fields that only some objects carry.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.contract.conftest import MakeSession
from tests.contract.simulator_process import SimulatorProcess

SHAPES = json.loads(Path(__file__).with_name("stripe_shapes.json").read_text())
KINDS = sorted(SHAPES["fields"])
TYPE_NAMES = {str: "string", bool: "boolean", int: "integer", list: "array", dict: "object", type(None): "null"}


def children(shape: dict[str, str], path: str) -> set[str]:
    start = f"{path}." if path else ""
    inside = (name.removeprefix(start) for name in shape if name.startswith(start))
    return {name for name in inside if "." not in name}


def differences(kind: str, body: dict[str, Any], path: str = "") -> Iterator[str]:
    """What is missing, too much or of another type; empty hashes and hashes of free keys are not looked into."""
    fields, may_have = SHAPES["fields"][kind], SHAPES["may_have"].get(kind, {})
    known, optional = children(fields, path), children(may_have, path)
    if not known and not optional:
        return
    instead = {"card"} if body.get("type") == "sepa_debit" else set()
    for name in sorted(known - instead - body.keys()):
        yield f"{kind}: {path}.{name} is missing"
    for name in sorted(body.keys() - known - optional):
        yield f"{kind}: {path}.{name} is not the provider's"
    for name, value in body.items():
        inner = f"{path}.{name}" if path else name
        types = fields.get(inner) or may_have.get(inner)
        if types and TYPE_NAMES[type(value)] not in types.split("|"):
            yield f"{kind}: {inner} is {TYPE_NAMES[type(value)]}, not {types}"
        if isinstance(value, dict) and not nested_object(value):
            yield from differences(kind, value, inner)


def nested_object(value: dict[str, Any]) -> bool:
    """Another object of the provider's (an expanded one, or one inside an event or an error) has its own shape."""
    return value.get("object") in KINDS


@pytest.fixture
def seen(
    simulator: SimulatorProcess,
    client: stripe.StripeClient,
    make_session: MakeSession,
    saved_card: Callable[..., str],
    authorise: Callable[..., Any],
) -> list[dict[str, Any]]:
    """Every object that the simulator shows during and after a life with all of its states."""
    types = ["card", "sepa_debit"]
    make_session()
    client.v1.checkout.sessions.expire(make_session(locale=None, cancel_url=None).id)
    session = make_session(payment_method_types=types, custom_text={"submit": {"message": "Danke"}})
    for how in (
        {"card": "declined"},
        {"card": "authenticate_always", "confirm": False},
        {"card": "authenticate_always"},
    ):
        simulator.pay(session.id, **how)
    paid = simulator.pay(session.id, card="visa")["session"]["payment_intent"]
    setup = {"mode": "setup", "currency": "eur", "line_items": None, "payment_intent_data": None}
    client.v1.checkout.sessions.expire(make_session(payment_method_types=types, **setup).id)
    for how in ({"account": "sepa"}, {"card": "visa"}, {"card": "declined"}):
        simulator.pay(make_session(payment_method_types=types, **setup).id, **how)
    for account in ("sepa", "sepa_fails"):
        simulator.pay(make_session(payment_method_types=types).id, account=account)
    client.v1.refunds.create({"payment_intent": paid, "amount": 100})
    captured = client.v1.payment_intents.capture(authorise(saved_card()).id, {"amount_to_capture": 100})
    simulator.control("POST", f"payment_intents/{captured.id}/dispute")
    client.v1.payment_intents.cancel(authorise(saved_card("mastercard")).id)
    authorise(saved_card("authenticate_once"))
    with pytest.raises(stripe.CardError):
        authorise(saved_card("fails_later"))
    automatic = {"automatic_payment_methods": {"enabled": True}, "return_url": "http://127.0.0.1:8000/"}
    authorise(saved_card(), payment_method_types=None, **automatic)
    lively = everything(simulator)
    simulator.advance(8 * 24 * 3600)
    return lively + everything(simulator)


def everything(simulator: SimulatorProcess) -> list[dict[str, Any]]:
    found = []
    paths = ("events", "checkout/sessions", "customers", "payment_intents", "setup_intents", "charges", "refunds")
    for path in (*paths, "disputes"):
        found += listed(simulator, f"/v1/{path}?limit=100")
    customer = next(each["id"] for each in found if each["object"] == "customer")
    found += listed(simulator, f"/v1/payment_methods?limit=100&customer={customer}")
    mandates = [each["mandate"] for each in found if each["object"] == "setup_intent" and each["mandate"]]
    return found + [fetched(simulator, f"/v1/mandates/{mandate_id}") for mandate_id in mandates]


def listed(simulator: SimulatorProcess, path: str) -> list[dict[str, Any]]:
    return list(fetched(simulator, path)["data"])


def fetched(simulator: SimulatorProcess, path: str) -> dict[str, Any]:
    status, text = simulator.request("GET", path, headers={"Authorization": "Bearer sk_test_shapes"})
    assert status == 200, text
    return dict(json.loads(text))


def test_every_object_has_exactly_the_providers_fields(seen: list[dict[str, Any]]) -> None:
    found = [problem for body in seen for problem in differences(body["object"], body)]
    assert found == []
    assert {body["object"] for body in seen} == set(KINDS)


def test_the_objects_inside_events_have_them_too(seen: list[dict[str, Any]]) -> None:
    inside = [body["data"]["object"] for body in seen if body["object"] == "event"]
    assert [problem for body in inside for problem in differences(body["object"], body)] == []
    assert {body["object"] for body in inside} == set(KINDS) - {"event", "mandate"}


def test_the_life_above_shows_every_state(seen: list[dict[str, Any]]) -> None:
    """Otherwise the shapes would hold only for the states that were tried."""
    events = [body["data"]["object"] for body in seen if body["object"] == "event"]
    found = {(body["object"], body["status"]) for body in seen + events if "status" in body}
    expected = {
        "checkout.session": ("open", "complete", "expired"),
        "payment_intent": (
            "requires_payment_method",
            "requires_action",
            "requires_capture",
            "processing",
            "succeeded",
            "canceled",
        ),
        "setup_intent": ("requires_payment_method", "succeeded", "canceled"),
        "charge": ("pending", "succeeded", "failed"),
        "refund": ("succeeded",),
    }
    assert {(kind, status) for kind, statuses in expected.items() for status in statuses} <= found


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"invented": 1}, "charge: .invented is not the provider's"),
        ({"amount": "100"}, "charge: amount is string, not integer"),
        ({"refunds": {"object": "list"}}, "charge: refunds.data is missing"),
    ],
)
def test_a_wrong_object_is_noticed(seen: list[dict[str, Any]], change: dict[str, Any], problem: str) -> None:
    charge = next(body for body in seen if body["object"] == "charge")
    assert problem in list(differences("charge", {**charge, **change}))


def test_a_hold_shows_the_documented_field_beside_the_example(
    client: stripe.StripeClient, saved_card: Callable[..., str], authorise: Callable[..., Any]
) -> None:
    intent = authorise(saved_card(), expand=["latest_charge"])
    assert isinstance(intent.latest_charge.payment_method_details.card.capture_before, int)


def test_the_official_library_knows_every_field_of_a_payment(
    client: stripe.StripeClient, make_session: MakeSession
) -> None:
    session = make_session()
    assert set(session.to_dict()) <= set(stripe.checkout.Session.__annotations__)
