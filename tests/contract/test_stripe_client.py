"""How Stripe's library is built: by which way it leaves, and with whose key."""

from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from b2c_web.payments.stripe_client import build_client, reading

PROXY = "http://proxy.example.org:3128"
CONFIG = {"STRIPE_SECRET_KEY": "sk_test_mine", "PAYMENT_TIMEOUT_SECONDS": 5, "STRIPE_API_BASE": ""}
Sent = tuple[requests.PreparedRequest, dict[str, Any]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    """Requests as they would leave, with what goes with them; each finds no way out."""
    found: list[Sent] = []

    def send(_adapter: HTTPAdapter, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        found.append((request, options))
        raise requests.ConnectTimeout("nothing leaves a test")

    monkeypatch.setattr(HTTPAdapter, "send", send)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return found


def ask(base: str = "") -> None:
    client = build_client(CONFIG | {"STRIPE_API_BASE": base})
    with pytest.raises(Exception, match="nothing leaves"), reading():
        client.v1.customers.list()


def test_the_proxy_of_the_environment_is_the_way_out(sent: list[Sent], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    ask()
    assert sent[0][1]["proxies"]["https"] == PROXY


def test_what_needs_no_proxy_goes_past_it(sent: list[Sent], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    ask("http://127.0.0.1:9")
    assert not sent[0][1]["proxies"]


def test_somebody_elses_password_does_not_replace_our_key(
    sent: list[Sent], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "netrc"
    kept.write_text("machine api.stripe.com login me password theirs\n")
    monkeypatch.setenv("NETRC", str(kept))
    ask()
    assert sent[0][0].headers["Authorization"] == "Bearer sk_test_mine"
