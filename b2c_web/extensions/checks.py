"""`flask verify`, the part about extensions: captured within approved, approved within the standing limit."""

from b2c_web.checks import Check, by_statement

STATEMENTS = {
    "extensions: captured is never above what was approved, nor approved above what was offered": """
        SELECT format('extension %s: captured %s, approved %s, offered %s', id, captured_amount_cents,
                      approved_amount_cents, total_amount) FROM extensions
        WHERE captured_amount_cents > approved_amount_cents OR approved_amount_cents > total_amount
          OR status <> 'APPROVED' AND captured_amount_cents > 0""",
    "extensions: the standing limit is used by exactly what it approved, and never exceeded": """
        WITH used AS (
            SELECT booking_id, sum(approved_amount_cents) AS cents FROM extensions
            WHERE decision_right = 'STANDING_LIMIT' AND status = 'APPROVED' GROUP BY booking_id)
        SELECT format('booking %s: says %s, approved %s of %s', b.number, b.standing_limit_used_cents,
                      coalesce(u.cents, 0), b.standing_limit_cents)
        FROM bookings b LEFT JOIN used u ON u.booking_id = b.id
        WHERE b.standing_limit_used_cents <> coalesce(u.cents, 0) OR coalesce(u.cents, 0) > b.standing_limit_cents""",
}

CHECKS: list[Check] = [by_statement(name, statement) for name, statement in STATEMENTS.items()]
