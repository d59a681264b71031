"""What the view tests share."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web.accounts import hooks
from b2c_web.accounts.hooks import CodeMail
from b2c_web.hooks import HookList
from tests.commands.extending import Extending
from tests.paying import Provider
from tests.views.extending import Pages


@pytest.fixture
def code_mails(monkeypatch: pytest.MonkeyPatch) -> list[CodeMail]:
    """The login codes that were mailed, in order."""
    sent: list[CodeMail] = []
    recording = HookList("accounts.code_made")
    recording.add(sent.append)
    monkeypatch.setattr(hooks, "code_made", recording)
    return sent


@pytest.fixture
def pages(app: Flask, session: Any, frozen_clock: Any, login: Callable[..., FlaskClient], provider: Provider) -> Pages:
    """A car in the workshop, and the browsers of those who may decide about more work on it."""
    scene = Extending(session, frozen_clock)
    return Pages(app, scene, login, scene.in_workshop())
