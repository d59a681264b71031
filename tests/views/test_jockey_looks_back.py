"""How long a jockey sees whose car it was: on the trip, and until the end of the day after it was done."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from tests.commands.trips import Trips
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


def test_what_is_done_a_jockey_sees_until_the_end_of_the_next_day(
    trips: Trips, client: FlaskClient, login: Callable[..., FlaskClient]
) -> None:
    booking = trips.booked()
    tour = trips.at_the_door(booking)
    own = [trips.upload(booking, is_signature=signature) for signature in (False, True)]
    trips.drive_in(booking)
    day, page = booking.pickup_time.date(), f"/jockey/trips/{tour.id}"
    seen, said = [], "Am Do, 26. Nov. fertig geworden. Wer der Kunde war, zeigen wir Ihnen bis zum Tag danach."
    for later, hour in ((0, 12), (1, 22), (2, 0)):
        at = local_to_utc(day + timedelta(days=later), hour * 60, ZONE)
        with trips.at(at):
            login(trips.driver)
            text = text_of(client.get(page))
            facts = ("Person am Beispielweg" in text, "Am Beispielweg 12" in text, "+4923021234567" in text)
            seen.append((facts, [client.get(f"/media/{one}/state").status_code for one in own]))
            assert (said in words_of(text)) is (later == 2)
            assert send(client, f"/media/booking/{booking.id}", page).status_code == 404
            late = [send(client, f"{page}/{form}", "/jockey", status="ASSIGNED") for form in ("handover", "step")]
            assert later < 2 or all("Beispielweg" not in answer.text for answer in late)
    known, gone = ((True, True, True), [200, 200]), ((False, False, False), [404, 404])
    assert seen == [known, known, gone]
