"""Every page is looked at in a browser, in both languages: what the browser's cases say they look at is all there is.

A page without arguments is found by itself. For any other, add its address to `look_at` and its route's name to
`@looks_at` of the case in `tests/browser/` that has what the page shows. When the case is over it must really have
looked at what it names (`looks_at`), so the names cannot promise too much.
"""

import pytest
from flask import Flask

from b2c_web.access import PUBLIC
from b2c_web.accounts.models import Role
from tests.browser.inspecting import NOT_PAGES, all_declared, found_by_itself, looks_at, pages, permissions_of
from tests.browser.test_every_page import STAFF

ALL_RIGHTS = {PUBLIC}.union(*(permissions_of(role) for role in Role))


def test_every_page_is_looked_at(app: Flask) -> None:
    looked_at = set(found_by_itself(app, ALL_RIGHTS)).union(*all_declared().values())
    assert sorted({rule.endpoint for rule in pages(app)} - looked_at) == []


def test_what_is_looked_at_exists_and_is_a_page(app: Flask) -> None:
    """Also what a form that was sent answers with."""
    exists = {rule.endpoint for rule in app.url_map.iter_rules()} - set(NOT_PAGES)
    assert {case: sorted(names - exists) for case, names in all_declared().items() if names - exists} == {}


def test_what_is_no_page_exists(app: Flask) -> None:
    getting = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert sorted(set(NOT_PAGES) - getting) == []


def test_everybodys_pages_are_found_by_themselves() -> None:
    """One case per role; customers have their own."""
    assert {role for _name, role in STAFF} == set(Role) - {Role.CUSTOMER}


def test_a_page_that_nobody_looks_at_is_found(app: Flask) -> None:
    names = {rule.endpoint for rule in pages(app)}
    assert "bookings.show" in names - set(found_by_itself(app, ALL_RIGHTS))
    assert "landing.help" in found_by_itself(app, ALL_RIGHTS)
    assert "landing.help" not in found_by_itself(app, ALL_RIGHTS - {PUBLIC})


def test_a_case_that_did_not_look_at_what_it_names_fails() -> None:
    looking = looks_at("bookings.show")(lambda: None)
    with pytest.raises(AssertionError, match=r"bookings\.show was not looked at in de"):
        looking()
