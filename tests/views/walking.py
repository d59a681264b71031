"""Walking through the booking as a browser without script does: open a page, fill in its form, follow."""

import re
import uuid
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from b2c_web.accounts.hooks import CodeMail
from tests.commands.scene import Scene
from tests.views.browsing import send

CONTACT = {
    "name": "Rosa Ahorn",
    "email": "rosa@example.org",
    "phone": "0231 1234567",
    "street": "Am Beispielweg 12",
    "city": "Dortmund",
    "standing_limit": "0",
    "terms": "y",
}


class Walk:
    """One person in one browser, booking at the scene's workshop. Each step returns the answer."""

    def __init__(self, client: FlaskClient, scene: Scene, mails: list[CodeMail] | None = None) -> None:
        self.client, self.scene, self.mails = client, scene, mails if mails is not None else []
        self.draft_id = ""

    def page(self, step: str, query: str = "") -> str:
        """The page of a step, as it is shown without being led elsewhere."""
        answer = self.client.get(f"/book/{self.draft_id}/{step}{query}")
        assert answer.status_code == 200, (step, answer.status_code, answer.location)
        return text_of(answer)

    def send(self, step: str, **fields: Any) -> TestResponse:
        return send(self.client, f"/book/{self.draft_id}/{step}", **fields)

    def start(self, **fields: Any) -> TestResponse:
        """Step 1 from the beginning: a new draft."""
        facts = {"vehicle": "new", "vehicle_class": "MIDSIZE", "postal_code": "44137", **fields}
        answer = send(self.client, "/book", **facts)
        if answer.status_code == 303:
            self.draft_id = str(uuid.UUID(answer.location.split("/")[2]))
        return answer

    def choose(self, service: str = "BRAKE_SERVICE", concierge: bool = True) -> TestResponse:
        return self.send("service", service=service, concierge="1" if concierge else "0")

    def pick(self, slot: int = 0, back: int | None = 2) -> TestResponse:
        fields = {"slot": self.scene.slots[slot].id}
        return self.send("date", **fields, **({"back": self.scene.slots[back].id} if back is not None else {}))

    def say(self, **fields: Any) -> TestResponse:
        return self.send("contact", **{**CONTACT, **fields})

    def enter_code(self) -> TestResponse:
        return self.send("code", code=self.mails[-1].code)

    def shown(self) -> dict[str, str]:
        """What the summary's form carries along: the sum, and a digest of all else that it shows."""
        page = self.page("summary")
        found = {
            name: re.search(rf'name="{name}"[^>]*value="([^"]+)"', page) for name in ("shown_total_cents", "shown")
        }
        return {name: match[1] for name, match in found.items() if match}

    def confirm(self, **changes: str) -> TestResponse:
        """The button of the summary, with what the page shows."""
        return self.send("summary", **{**self.shown(), **changes})

    def to_date(self) -> None:
        self.start()
        self.choose()

    def to_contact(self) -> None:
        self.to_date()
        assert self.pick().status_code == 303

    def to_summary(self) -> None:
        self.to_contact()
        assert self.say().status_code == 303
        if self.mails:
            assert self.enter_code().location.endswith("/summary")


def text_of(answer: TestResponse) -> str:
    """The page with its non-breaking spaces as plain ones."""
    return answer.get_data(as_text=True).replace("\u00a0", " ").replace("&nbsp;", " ")


def words_of(page: str) -> str:
    """What a person reads, on one line."""
    visible = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", page, flags=re.DOTALL)
    joined = re.sub(r"</?(span|b|a|abbr|strong)\b[^>]*>", "", visible)
    return " ".join(re.sub(r"<[^>]+>", " ", joined).split())
