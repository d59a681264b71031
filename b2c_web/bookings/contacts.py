"""Who, where to, and to which terms: what step 4 knows before it asks, and what a draft keeps. The waiting list asks
the same.
"""

from typing import Any

from flask import current_app
from flask_login import current_user

from b2c_web import formatting
from b2c_web.accounts.contact import ContactForm, standing_limits
from b2c_web.accounts.models import Role
from b2c_web.bookings import drafts, steps
from b2c_web.bookings.models import BookingDraft


def is_customer() -> bool:
    """Is somebody signed in who books for themselves, and no staff?"""
    return bool(current_user.is_authenticated and current_user.role is Role.CUSTOMER)


def form_of(draft: BookingDraft) -> ContactForm:
    """The form with what was said before; what is missing comes from the account."""
    known = {name: getattr(draft, name) for name in ("name", "phone", "street", "city", "email")}
    if is_customer():
        place = drafts.address_in(current_user, draft.postal_code)
        account = {"name": current_user.name, "phone": formatting.phone(current_user.phone or "")}
        account |= {"street": place.street, "city": place.city} if place else {}
        known |= {name: value for name, value in account.items() if not known[name]}
    ticks = {"early_start": draft.early_start, "terms": steps.has_agreed(draft)}
    if draft.standing_limit_cents in standing_limits():
        known["standing_limit"] = draft.standing_limit_cents
    form = ContactForm(data={**known, **ticks})
    if is_customer():
        form.email.data = current_user.email
    return form


def facts_of(form: ContactForm) -> dict[str, Any]:
    """The draft's columns of a valid form."""
    names = ("name", "email", "phone", "street", "city", "early_start")
    facts = {name: form[name].data for name in names} | {"standing_limit_cents": form.standing_limit.data}
    facts["terms_version"] = current_app.config["TERMS_VERSION"]
    return facts | ({"user_id": current_user.id} if is_customer() else {})
