"""Secrets of an installation that was given none: made once, kept below instance/, readable by its owner only."""

import json
import os
import secrets
from pathlib import Path

FILE = "secrets.json"


def load_secrets(instance: Path) -> dict[str, str]:
    """SECRET_KEY, STRIPE_SECRET_KEY (for the simulator) and STRIPE_WEBHOOK_SECRET of this clone."""
    path = instance / FILE
    instance.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return dict(json.loads(path.read_text()))
    made = {
        "SECRET_KEY": secrets.token_hex(32),
        "STRIPE_SECRET_KEY": "sk_test_" + secrets.token_hex(16),
        "STRIPE_WEBHOOK_SECRET": "whsec_" + secrets.token_hex(16),
    }
    with os.fdopen(descriptor, "w") as file:
        json.dump(made, file)
    return made
