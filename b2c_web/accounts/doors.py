"""Where people come in and where they land: which sign-in page a stranger gets, and each role's first page."""

from flask import Response, current_app, flash, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx, page_frame
from b2c_web.access import PERMISSIONS, access_of
from b2c_web.accounts import rules
from b2c_web.accounts.keyed import keyed_hash
from b2c_web.accounts.models import Role, User
from b2c_web.flask_extensions import login_manager

HOME = {
    Role.CUSTOMER: "accounts.account",
    Role.WORKSHOP: "dashboard.day",
    Role.DISPATCHER: "dispatch.day",
    Role.ADMIN: "dashboard.day",
    Role.JOCKEY: "dispatch.my_day",
}


def home_of(user: User) -> str:
    """The first page of this person's role."""
    endpoint = HOME[user.role]
    return url_for(endpoint if endpoint in current_app.view_functions else "landing.index")


def way_on(user: User, target: str | None) -> str:
    """Where to go after signing in: the page that was asked for, when it is one of ours, else home."""
    return rules.safe_next(target) or home_of(user)


def person_mark() -> str:
    """Tells people at one browser apart, and nothing else: whose typing the tab keeps. Empty for nobody."""
    return keyed_hash("browser", str(current_user.id))[:16] if current_user.is_authenticated else ""


def send_strangers_to_a_door() -> None:
    """Who is not signed in comes to a sign-in page and back to where they wanted to go."""
    login_manager.unauthorized_handler(_to_the_door)


def _to_the_door() -> Response:
    if session.pop("token", None):
        flash(_("Ihre Anmeldung ist abgelaufen. Bitte melden Sie sich neu an."), "info")
    endpoint = "accounts.staff_login" if _is_for_staff() else "accounts.login"
    return htmx.see_other(url_for(endpoint, next=rules.safe_next(_wanted_page())))


def _wanted_page() -> str | None:
    """What was asked for; of a form, or of a part of a page, the page that it stands on."""
    if not htmx.wants_fragment():
        return page_frame.address_here()
    page = page_frame.sender()
    return page._replace(scheme="", netloc="", fragment="").geturl() if page.netloc == request.host else None


def _is_for_staff() -> bool:
    declared = access_of(current_app, request.endpoint or "") or ""
    return Role.CUSTOMER not in PERMISSIONS.get(declared, {Role.CUSTOMER})
