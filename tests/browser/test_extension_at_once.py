"""An offer within the customer's limit on the tablet: the button follows the sum, and one press does it all."""

import re

import pytest
from playwright.sync_api import expect

from b2c_web.extensions.models import AuthorizationStatus, ExtensionStatus
from b2c_web.notifications.models import Notification, NotificationKind
from tests.browser import test_extension
from tests.browser.person import Person
from tests.browser.test_extension import TABLET, Garage, Meet

garage = test_extension.garage
APPROVE = re.compile("Anlegen und im Rahmen freigeben")


@pytest.mark.parametrize("script", [True, False])
def test_the_button_follows_the_sum_and_does_it_all(garage: Garage, meet: Meet, script: bool) -> None:
    bella: Person = garage.bella if script else meet(viewport=TABLET, javascript=False)
    if not script:
        bella.is_signed_in("werkstatt")
    page = bella.page
    bella.go(garage.new)
    button = page.get_by_role("button", name=APPROVE)
    expect(button).to_be_hidden()
    page.locator(".catalog-item", has_text="Innenraumfilter").click()
    expect(button).to_have_text("Anlegen und im Rahmen freigeben: 39,90 EUR")
    if script:
        page.locator(".catalog-item", has_text="Bremsscheiben vorn").click()
        expect(button).to_be_hidden()
        page.get_by_role("button", name="Aus dem Angebot nehmen Bremsscheiben vorn").click()
        expect(button).to_be_visible()
        page.fill("#items-0-price", "29,90")
        expect(button).to_have_text("Anlegen und im Rahmen freigeben: 29,90 EUR")
    page.fill("#description", "Der Filter ist zu.")
    button.click()
    page.wait_for_url(re.compile("/workshop/extensions/"))
    expect(page.get_by_text("Freigegeben. Der Kunde hat eine Nachricht bekommen.")).to_be_visible()
    raised = garage.extension()
    assert (raised.status, raised.authorization_status) == (ExtensionStatus.APPROVED, AuthorizationStatus.AUTHORIZED)
    with garage.site.data() as session:
        told = {one.kind for one in session.query(Notification).filter_by(booking_id=garage.booking_id)}
    assert NotificationKind.EXTENSION_APPROVED_FOR_YOU in told
    assert NotificationKind.EXTENSION_RAISED not in told
