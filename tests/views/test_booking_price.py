"""What the first step says it costs at least: of the car that is ticked there, and of the service somebody came for."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web import clock
from b2c_web.catalog.models import ServiceType
from b2c_web.catalog.queries import price_list
from b2c_web.flask_extensions import db
from b2c_web.formatting import eur
from b2c_web.vehicles.models import VehicleClass
from tests.commands.scene import Scene
from tests.factories import make_customer, make_vehicle
from tests.views.walking import Walk, text_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
PART = {"HX-Request": "true"}


def least(kind: VehicleClass | None = None, service: ServiceType | None = None, *, concierge: bool = True) -> str:
    offers = [offer for offer in price_list(clock.now_utc()) if service in (None, offer.service)]
    prices = [price for offer in offers for one, price in offer.prices.items() if kind in (None, one)]
    return eur(min(price.total_cents(concierge=concierge) for price in prices)).replace("\xa0", " ")


@pytest.mark.parametrize("kind", VehicleClass)
def test_the_bar_follows_the_class(client: FlaskClient, session: Any, kind: VehicleClass) -> None:
    Scene(session)
    bar = text_of(client.get(f"/book?vehicle=new&vehicle_class={kind.value}", headers=PART))
    assert least(kind) in bar
    assert "<html" not in bar
    wanted = text_of(client.get(f"/book?service=BRAKE_SERVICE&vehicle_class={kind.value}", headers=PART))
    assert least(kind, ServiceType.BRAKE_SERVICE) in wanted
    assert least(kind) != least(kind, ServiceType.BRAKE_SERVICE)


def test_the_bar_follows_a_saved_car_of_ones_own_only(
    client: FlaskClient, session: Any, login: Callable[..., FlaskClient]
) -> None:
    Scene(session)
    rosa = make_customer()
    mine = make_vehicle(rosa, vehicle_class=VehicleClass.LUXURY)
    theirs = make_vehicle(make_customer(), vehicle_class=VehicleClass.LUXURY)
    db.session.commit()
    login(rosa)
    ask = "/book?vehicle={}&vehicle_class=COMPACT"
    assert least(VehicleClass.LUXURY) in text_of(client.get(ask.format(mine.id), headers=PART))
    assert least(VehicleClass.COMPACT) in text_of(client.get(ask.format(theirs.id), headers=PART))
    assert least(VehicleClass.LUXURY) in text_of(client.get("/book"))  # ticked already, being the usual one


def test_whoever_comes_back_sees_the_sum_of_what_was_chosen(client: FlaskClient, session: Any) -> None:
    walk = Walk(client, Scene(session))
    walk.start(vehicle_class="LUXURY")
    walk.choose("BRAKE_SERVICE")
    bar = walk.page("car").split('id="price-bar"')[1]
    assert least(VehicleClass.LUXURY, ServiceType.BRAKE_SERVICE) in bar
    walk.choose("BRAKE_SERVICE", concierge=False)
    brought = walk.page("car").split('id="price-bar"')[1]
    assert least(VehicleClass.LUXURY, ServiceType.BRAKE_SERVICE, concierge=False) in brought
    assert "Abholung" not in brought.split("Weiter")[0]
    walk.choose("BRAKE_SERVICE")
    other = text_of(client.get(f"/book/{walk.draft_id}/car?vehicle=new&vehicle_class=COMPACT", headers=PART))
    assert least(VehicleClass.COMPACT, ServiceType.BRAKE_SERVICE) in other
