"""What the view tests share."""

import pytest

from b2c_web.accounts import hooks
from b2c_web.accounts.hooks import CodeMail
from b2c_web.hooks import HookList


@pytest.fixture
def code_mails(monkeypatch: pytest.MonkeyPatch) -> list[CodeMail]:
    """The login codes that were mailed, in order."""
    sent: list[CodeMail] = []
    recording = HookList("accounts.code_made")
    recording.add(sent.append)
    monkeypatch.setattr(hooks, "code_made", recording)
    return sent
