"""A killed simulator forgets nothing that it answered, and none runs in production."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import stripe

from tests.contract.simulator_process import ROOT, SimulatorProcess, WebhookReceiver


def command(state: Path) -> list[str]:
    return [sys.executable, "-m", "b2c_web.payments.simulator", "--port", "0", "--state", str(state)]


def test_a_kill_loses_no_object_no_key_no_webhook_and_no_timer(tmp_path: Path) -> None:
    with WebhookReceiver() as receiver:
        # Nobody answers yet where the webhooks go: they stay owed.
        simulator = SimulatorProcess(tmp_path / "state.sqlite", "http://127.0.0.1:9/hook")
        with simulator:
            client = simulator.client()
            customer = client.v1.customers.create({"email": "k@example.com"}, {"idempotency_key": "make"})
            simulator.control("POST", "settings", debit_seconds=3600)
            method = simulator.control("POST", "payment_methods", customer=customer.id, account="sepa")
            intent = client.v1.payment_intents.create(
                {
                    "amount": 900,
                    "currency": "eur",
                    "customer": customer.id,
                    "payment_method": method["id"],
                    "payment_method_types": ["sepa_debit"],
                    "off_session": True,
                    "confirm": True,
                }
            )
            simulator.advance(1800)
            now = simulator.control("GET", "")["now"]

            simulator.kill()
            simulator.arguments += ["--webhook-url", receiver.url]
            simulator.start()

            assert simulator.control("GET", "")["now"] >= now
            again = client.v1.customers.create({"email": "k@example.com"}, {"idempotency_key": "make"})
            assert (again.id, len(client.v1.customers.list().data)) == (customer.id, 1)
            receiver.wait_for(4)
            assert set(receiver.types) >= {"customer.created", "payment_intent.processing"}
            simulator.advance(1801)
            assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_it_does_not_start_in_production(tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path / "state.sqlite"),
        cwd=ROOT,
        env={**os.environ, "B2C_ENV": "production"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "does not start with B2C_ENV=production" in done.stderr
    assert not (tmp_path / "state.sqlite").exists()


def test_two_processes_do_not_share_a_state(simulator: SimulatorProcess) -> None:
    done = subprocess.run(
        command(simulator.state_path), cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "in use by another payment simulator" in done.stderr


def test_a_seed_gives_the_same_ids(tmp_path: Path) -> None:
    ids = []
    for name in ("a", "b"):
        with SimulatorProcess(tmp_path / name, None, "--seed", "demo") as simulator:
            client = simulator.client()
            ids.append([client.v1.customers.create({"name": "K"}).id for _ in range(2)])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


def test_only_chosen_events_are_sent(tmp_path: Path) -> None:
    with (
        WebhookReceiver() as receiver,
        SimulatorProcess(tmp_path / "s", receiver.url, "--webhook-events", "customer.updated") as simulator,
    ):
        client: stripe.StripeClient = simulator.client()
        customer = client.v1.customers.create({"name": "K"})
        client.v1.customers.update(customer.id, {"name": "L"})
        receiver.wait_for(1)
        assert simulator.control("POST", "webhooks/flush")["open"] == 0
        assert receiver.types == ["customer.updated"]


def test_it_says_when_it_cannot_start(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        SimulatorProcess(tmp_path / "s", None, "--no-such-option").start()
