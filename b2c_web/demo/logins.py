"""Who can sign in on a demo. Shown by `make run` and on the sign-in pages of a demo, nowhere else."""

from typing import NamedTuple


class DemoLogin(NamedTuple):
    """One way in; `role` is the role's value."""

    role: str
    email: str
    password: str


FIRST_CUSTOMER = DemoLogin("CUSTOMER", "rosa.ahorn@example.org", "demo-kundin-1")
STAFF = (
    DemoLogin("WORKSHOP", "werkstatt@example.org", "demo-werkstatt-1"),
    DemoLogin("DISPATCHER", "disposition@example.org", "demo-disposition-1"),
    DemoLogin("JOCKEY", "jockey1@example.org", "demo-jockey-1"),
    DemoLogin("ADMIN", "admin@example.org", "demo-admin-1"),
)


def demo_logins() -> list[DemoLogin]:
    """The logins of the demo data, the customer's first."""
    return [FIRST_CUSTOMER, *STAFF]
