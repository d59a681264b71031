"""Who may call a route. Every view says it with `@public`, `@signed_in` or `@requires("...")`; the rest is refused."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request
from flask_login import current_user

from b2c_web.accounts.models import Role
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import login_manager

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"
SIGNED_IN = "signed in"

# permission -> roles that have it; what a person sees of it is limited again by each query
PERMISSIONS: dict[str, frozenset[Role]] = {
    "bookings.own": frozenset({Role.CUSTOMER}),
    "vehicles.own": frozenset({Role.CUSTOMER}),
    "payment_methods.own": frozenset({Role.CUSTOMER}),
    "account.own": frozenset({Role.CUSTOMER}),
    "workshop.day": frozenset({Role.WORKSHOP, Role.DISPATCHER, Role.ADMIN}),
    "extensions.own": frozenset({Role.CUSTOMER}),
    "extensions.workshop": frozenset({Role.WORKSHOP, Role.ADMIN}),
    "workshop.work": frozenset({Role.WORKSHOP, Role.ADMIN}),
    "bookings.cancel": frozenset({Role.WORKSHOP, Role.DISPATCHER, Role.ADMIN}),
    "jockey.day": frozenset({Role.JOCKEY}),
    "trips.car_back": frozenset({Role.JOCKEY, Role.WORKSHOP, Role.DISPATCHER, Role.ADMIN}),
    "dispatch.plan": frozenset({Role.DISPATCHER, Role.ADMIN}),
    "capacity.plan": frozenset({Role.WORKSHOP, Role.DISPATCHER, Role.ADMIN}),
    "messages.kept": frozenset({Role.ADMIN}),
}


def public(view: View) -> View:
    """Anybody may call it, signed in or not."""
    view.__access__ = PUBLIC  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """Anybody signed in may call it, whatever the role."""
    view.__access__ = SIGNED_IN  # type: ignore[attr-defined]
    return view


def requires(permission: str) -> Callable[[View], View]:
    """Only roles with `permission` may call it; for others the page does not exist (404)."""
    if permission not in PERMISSIONS:
        raise KeyError(f"unknown permission {permission!r}")

    def mark(view: View) -> View:
        view.__access__ = permission  # type: ignore[attr-defined]
        return view

    return mark


def may(permission: str) -> bool:
    """Does the person at this request have `permission`?"""
    return bool(current_user.is_authenticated and current_user.role in PERMISSIONS[permission])


def access_of(app: Flask, endpoint: str) -> str | None:
    """What the view behind `endpoint` declared, or None when it declared nothing."""
    if endpoint == "static":
        return PUBLIC
    return getattr(app.view_functions[endpoint], "__access__", None)


def _check() -> Any:
    if request.endpoint is None:
        return None
    declared = access_of(current_app, request.endpoint)
    if declared == PUBLIC:
        return None
    if declared is None:
        raise NotFound
    if not current_user.is_authenticated:
        return login_manager.unauthorized()
    if declared == SIGNED_IN or may(declared):
        return None
    raise NotFound


def init_app(app: Flask) -> None:
    """Check every request before its view runs."""
    app.before_request(_check)
    app.jinja_env.globals["may"] = may
