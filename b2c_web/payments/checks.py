"""`flask verify`, the part about money: what must hold on live data at every moment."""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import text

from b2c_web.checks import SHOWN, Breach, Check
from b2c_web.clock import now_utc
from b2c_web.flask_extensions import db
from b2c_web.owed import check_of
from b2c_web.payments.owed import OWED
from b2c_web.payments.renewing import renewal_begins

LATE_AFTER = timedelta(minutes=5)
PAGE_OVER_AFTER = timedelta(minutes=10)
DECIDED_AFTER = timedelta(hours=3)  # longer than all tries of a capture

# name -> ids of the rows that break it
STATEMENTS = {
    "money: captured equals the charges in the ledger": """
        SELECT p.id::text FROM payments p
        LEFT JOIN ledger_entries l ON l.payment_id = p.id AND l.kind = 'CHARGE'
        GROUP BY p.id HAVING p.captured_cents <> coalesce(sum(l.amount_cents), 0)""",
    "money: refunded equals the refunds in the ledger less those that came back": """
        SELECT p.id::text FROM payments p
        LEFT JOIN ledger_entries l ON l.payment_id = p.id AND l.kind <> 'CHARGE'
        GROUP BY p.id HAVING p.refunded_cents <> coalesce(sum(
            CASE l.kind WHEN 'REFUND' THEN l.amount_cents ELSE -l.amount_cents END), 0)""",
    "money: refunds, those under way included, stay within what was captured": """
        SELECT p.id::text FROM payments p JOIN refunds r ON r.payment_id = p.id AND r.state <> 'FAILED'
        GROUP BY p.id HAVING sum(r.amount_cents) > p.captured_cents""",
    "money: a payment has money exactly when it succeeded": """
        SELECT p.id::text FROM payments p WHERE (p.state = 'SUCCEEDED') <> (p.captured_cents > 0)""",
    "money: each refund that arrived is in the ledger once": """
        SELECT r.id::text FROM refunds r LEFT JOIN ledger_entries l ON l.refund_id = r.id AND l.kind = 'REFUND'
        WHERE r.state = 'SUCCEEDED' GROUP BY r.id HAVING count(l.id) <> 1""",
    "money: captured is never above what was held or agreed": """
        SELECT p.id::text FROM payments p WHERE p.captured_cents > p.amount_cents""",
    "holds: captured is exactly what was asked for": """
        SELECT p.id::text FROM payments p
        WHERE p.state = 'SUCCEEDED' AND p.capture_cents IS NOT NULL AND p.captured_cents <> p.capture_cents""",
    "holds: money of one purpose is taken once": """
        SELECT min(p.id::text) FROM payments p
        WHERE p.state IN ('SUCCEEDED', 'PROCESSING') AND (p.capture_method = 'MANUAL' OR p.hold_asked_at IS NOT NULL)
        GROUP BY p.purpose, p.purpose_id HAVING count(*) > 1""",
    "holds: never two for long": """
        SELECT min(p.id::text) FROM payments p WHERE p.state = 'AUTHORIZED'
        GROUP BY p.purpose, p.purpose_id HAVING count(*) > 1""",
    "holds: what is held is what was agreed": """
        SELECT p.id::text FROM payments p WHERE p.state = 'AUTHORIZED' AND p.capture_method = 'MANUAL'
        AND p.authorized_cents <> p.amount_cents""",
    "holds: none is kept beyond its end": """
        SELECT p.id::text FROM payments p WHERE p.state = 'AUTHORIZED' AND p.capture_before < :page_over""",
    "holds: each that lapses is renewed or before a person": """
        SELECT p.id::text FROM payments p WHERE p.state = 'AUTHORIZED' AND p.capture_cents IS NULL
        AND p.escalated_at IS NULL AND p.capture_before < :renewed
        AND NOT EXISTS (SELECT 1 FROM payments n WHERE n.replaces_id = p.id)""",
    "holds: each capture is decided or before a person": """
        SELECT p.id::text FROM payments p WHERE p.state = 'AUTHORIZED' AND p.capture_asked_at < :decided
        AND p.capture_given_up_at IS NULL""",
    "methods: one that was saved is the customer's own": """
        SELECT s.id::text FROM method_setups s JOIN payment_methods m ON m.id = s.method_id
        WHERE m.user_id <> s.user_id OR m.type <> s.kind::text""",
    "methods: an account that work is promised on is kept": """
        SELECT p.id::text FROM payments p JOIN payment_methods m ON m.id = p.method_id
        WHERE p.state = 'AUTHORIZED' AND p.capture_method = 'AUTOMATIC' AND p.hold_asked_at IS NOT NULL
        AND p.capture_given_up_at IS NULL AND NOT m.is_active""",
    "methods: no page to save one is open although it is over": """
        SELECT s.id::text FROM method_setups s WHERE s.state IN ('CREATED', 'OPEN') AND s.expires_at < :page_over""",
    "payments: none is open although its page is over": """
        SELECT p.id::text FROM payments p
        WHERE p.state = 'OPEN' AND p.checkout_expires_at < :page_over""",
}


def _by_statement(name: str) -> Breach:
    now = now_utc()
    moments: dict[str, datetime] = {
        "page_over": now - PAGE_OVER_AFTER,
        "renewed": renewal_begins(now) - PAGE_OVER_AFTER,
        "decided": now - DECIDED_AFTER,
    }
    used = {key: value for key, value in moments.items() if f":{key}" in STATEMENTS[name]}
    found = db.session.scalars(text(STATEMENTS[name]), used).all()
    return Breach(name, len(found), list(found[:SHOWN]))


CHECKS: list[Check] = [
    *(partial(_by_statement, name) for name in STATEMENTS),
    *(check_of(owed, f"payments: no {owed.name}", LATE_AFTER) for owed in OWED),
]
