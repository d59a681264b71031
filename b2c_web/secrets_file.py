"""Secrets of an installation that was given none: made once, kept below instance/, readable by its owner only."""

import contextlib
import json
import os
import secrets
import tempfile
from pathlib import Path

FILE = "secrets.json"
SIMULATOR = "simulator-address"


def load_secrets(instance: Path) -> dict[str, str]:
    """SECRET_KEY, STRIPE_SECRET_KEY (for the simulator) and STRIPE_WEBHOOK_SECRET of this clone."""
    path = instance / FILE
    if not path.exists():
        _make(path)
    return dict(json.loads(path.read_text()))


def _make(path: Path) -> None:
    """Written whole beside it and then linked: whoever comes second finds a complete file, and keeps it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {
        "SECRET_KEY": secrets.token_hex(32),
        "STRIPE_SECRET_KEY": "sk_test_" + secrets.token_hex(16),
        "STRIPE_WEBHOOK_SECRET": "whsec_" + secrets.token_hex(16),
    }
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secrets-") as file:
        json.dump(made, file)
        file.flush()
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)


def note_simulator(instance: Path, address: str) -> None:
    """Where the payment simulator of the running application listens, for `flask` commands beside it."""
    (instance / SIMULATOR).write_text(address)


def simulator_settings(instance: Path) -> dict[str, str]:
    """The payment settings of the application that runs from this folder; empty when none has run."""
    try:
        address = (instance / SIMULATOR).read_text()
    except FileNotFoundError:
        return {}
    secrets_here = load_secrets(instance)
    return {name: secrets_here[name] for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")} | {
        "STRIPE_API_BASE": address
    }
