"""`flask verify`, the part about extensions: sums, ticks, limits, links, and that money is what payments say."""

from datetime import timedelta

from b2c_web.bookings.checks import GOING_BACK, STAFF_END_IT
from b2c_web.checks import Check, by_statement

# the gross sum of the items at some places of an extension, each rounded half up
SUM_OF = """
    SELECT e.id, coalesce(sum(round((one.item ->> 'price')::numeric * (one.item ->> 'quantity')::numeric)), 0) AS cents
    FROM extensions e LEFT JOIN LATERAL jsonb_array_elements(e.items) WITH ORDINALITY AS one (item, place)
        ON {which} GROUP BY e.id"""
OFFERED, ACCEPTED = SUM_OF.format(which="true"), SUM_OF.format(which="one.place - 1 = ANY (e.accepted_items)")
DUE = SUM_OF.format(which="one.place - 1 = ANY (e.accepted_items) AND one.place - 1 <> ALL (e.not_done_items)")

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
    "extensions: accepted items were offered, and only they are not done": """
        SELECT format('extension %s', id) FROM extensions
        WHERE EXISTS (SELECT FROM unnest(accepted_items) AS place WHERE place NOT BETWEEN 0 AND
                      jsonb_array_length(items) - 1)
          OR NOT not_done_items <@ accepted_items
          OR (status = 'APPROVED') <> (cardinality(accepted_items) > 0)""",
    "extensions: the sums are those of the items, each rounded": f"""
        SELECT format('extension %s: offered %s, items %s; approved %s, ticked %s', e.id, e.total_amount, o.cents,
                      e.approved_amount_cents, a.cents)
        FROM extensions e JOIN ({OFFERED}) o ON o.id = e.id JOIN ({ACCEPTED}) a ON a.id = e.id
        WHERE e.total_amount <> o.cents OR e.approved_amount_cents <> a.cents""",
    "extensions: no more is captured than was accepted and done": f"""
        SELECT format('extension %s: captured %s, due %s', e.id, e.captured_amount_cents, d.cents)
        FROM extensions e JOIN ({DUE}) d ON d.id = e.id WHERE e.captured_amount_cents > d.cents""",
    "extensions: whoever decided had a right to, and it is known by which": """
        SELECT format('extension %s', e.id) FROM extensions e
        LEFT JOIN extension_consents c ON c.extension_id = e.id
        WHERE e.status IN ('APPROVED', 'DECLINED')
          AND (e.decision_right IS NULL OR e.decision_channel IS NULL
               OR (e.decision_right = 'RECORDED_CONSENT') <> (c.id IS NOT NULL))""",
    "extensions: none waits for an answer when the car is not worked on": """
        SELECT format('extension %s of booking %s', e.id, b.number) FROM extensions e
        JOIN bookings b ON b.id = e.booking_id
        WHERE e.status = 'PENDING' AND (b.status <> 'IN_WORKSHOP' OR b.service_completed_at IS NOT NULL)""",
    "extensions: no link opens what is decided": """
        SELECT format('link %s', l.id) FROM extension_links l JOIN extensions e ON e.id = l.extension_id
        WHERE e.status <> 'PENDING' AND l.ended_at IS NULL""",
    # what went back of the captured payment was captured all the same; any other money must be gone
    "extensions: captured is what payments took": """
        WITH back AS (SELECT payment_id, sum(amount_cents) AS cents FROM refunds WHERE state <> 'FAILED' GROUP BY 1),
        taken AS (
            SELECT e.id, sum(p.captured_cents - CASE
                WHEN e.authorization_status = 'CAPTURED' AND p.stripe_payment_intent_id = e.stripe_payment_intent_id
                THEN 0 ELSE coalesce(back.cents, 0) END) AS cents
            FROM extensions e JOIN payments p ON p.purpose = 'EXTENSION' AND p.purpose_id = e.id
            LEFT JOIN back ON back.payment_id = p.id WHERE p.state = 'SUCCEEDED' GROUP BY e.id)
        SELECT format('extension %s: captured %s, payments took %s', e.id, e.captured_amount_cents,
                      coalesce(t.cents, 0))
        FROM extensions e LEFT JOIN taken t ON t.id = e.id WHERE e.captured_amount_cents <> coalesce(t.cents, 0)""",
    "extensions: of a withdrawn booking that staff need not end nothing captured is kept": f"""
        SELECT format('booking %s: captured %s, going back %s', b.number, p.captured_cents, coalesce(g.cents, 0))
        FROM extensions e JOIN bookings b ON b.id = e.booking_id
        JOIN payments p ON p.purpose = 'EXTENSION' AND p.purpose_id = e.id LEFT JOIN ({GOING_BACK}) g
          ON g.payment_id = p.id
        WHERE b.withdrawn_at IS NOT NULL AND NOT {STAFF_END_IT} AND p.captured_cents > coalesce(g.cents, 0)""",
    # a debit under way (PROCESSING) and a capture that was asked for are decided soon, and their money goes back then
    "extensions: of a withdrawn booking nothing is offered, held or owed": """
        SELECT format('extension %s of booking %s: %s, %s', e.id, b.number, e.status, e.authorization_status)
        FROM extensions e JOIN bookings b ON b.id = e.booking_id
        WHERE b.withdrawn_at IS NOT NULL AND (
          e.status = 'PENDING'
          OR e.authorization_status NOT IN ('NONE', 'CAPTURING', 'PROCESSING', 'CAPTURED', 'RELEASED')
          OR e.authorization_status = 'CAPTURING' AND NOT EXISTS (
            SELECT FROM payments p WHERE p.purpose = 'EXTENSION' AND p.purpose_id = e.id
              AND p.capture_cents IS NOT NULL AND p.capture_given_up_at IS NULL)
          OR EXISTS (
            SELECT FROM payments p WHERE p.purpose = 'EXTENSION' AND p.purpose_id = e.id AND p.state = 'AUTHORIZED'
              AND (p.capture_cents IS NULL OR p.capture_given_up_at IS NOT NULL)))""",
    "extensions: what says that money is held has it held": """
        SELECT format('extension %s: %s', e.id, e.authorization_status) FROM extensions e
        WHERE (e.authorization_status = 'AUTHORIZED') <> EXISTS (
            SELECT FROM payments p WHERE p.purpose = 'EXTENSION' AND p.purpose_id = e.id AND p.state = 'AUTHORIZED'
              AND p.capture_cents IS NULL)""",
    "extensions: what waits for its hold has an attempt that is not over": """
        SELECT format('extension %s', e.id) FROM extensions e
        WHERE e.authorization_status = 'PENDING' AND (
            SELECT p.state FROM payments p WHERE p.purpose = 'EXTENSION' AND p.purpose_id = e.id
            ORDER BY p.attempt DESC LIMIT 1) IN ('SUCCEEDED', 'FAILED', 'CANCELLED')""",
    "extensions: a wish is about the car and the customer of its booking": """
        SELECT format('wish %s of booking %s', w.id, b.number) FROM extension_wishes w
        JOIN bookings b ON b.id = w.booking_id
        JOIN extensions e ON e.id = w.extension_id JOIN bookings o ON o.id = e.booking_id
        WHERE o.id = b.id OR o.user_id <> b.user_id
          OR (w.set_aside_at IS NULL AND o.vehicle_id IS DISTINCT FROM b.vehicle_id)""",
    "extensions: a wish says what was offered then": """
        SELECT format('wish %s', w.id) FROM extension_wishes w JOIN extensions e ON e.id = w.extension_id
        WHERE e.items -> w.place ->> 'name' IS DISTINCT FROM w.name
          OR (e.items -> w.place ->> 'price')::integer IS DISTINCT FROM w.price
          OR e.items -> w.place ->> 'quantity' IS DISTINCT FROM w.quantity""",
    "extensions: what has taken up a wish is an offer of the same booking, and stands": """
        SELECT format('wish %s', w.id) FROM extension_wishes w JOIN extensions t ON t.id = w.taken_up_by_id
        WHERE t.booking_id <> w.booking_id OR t.status = 'CANCELLED'
          OR w.taken_up_place >= jsonb_array_length(t.items)""",
}
# how long it may take (a setting of minutes, and more), and what takes longer
LATE_STATEMENTS = {
    "extensions: none is settling for long": (
        "",
        timedelta(hours=6),
        """
        SELECT format('extension %s of booking %s', e.id, b.number) FROM extensions e
        JOIN bookings b ON b.id = e.booking_id
        WHERE e.authorization_status = 'CAPTURING' AND b.service_completed_at < :late""",
    ),
    "extensions: the workshop knows of each that nobody answered": (
        "EXTENSION_STAFF_ALERT_MINUTES",
        timedelta(minutes=30),
        """
        SELECT format('extension %s', e.id) FROM extensions e
        WHERE e.status = 'PENDING' AND e.requested_at < :late
          AND NOT EXISTS (SELECT FROM notifications n
                          WHERE n.dedupe_key = concat('EXTENSION_STAFF_ALERT:', e.id, ':'))
          AND NOT EXISTS (SELECT FROM procrastinate_jobs j WHERE j.task_name = 'extensions.tell_staff'
                          AND j.status IN ('todo', 'doing') AND j.args ->> 'extension_id' = e.id::text)""",
    ),
}

CHECKS: list[Check] = [
    *(by_statement(name, statement) for name, statement in STATEMENTS.items()),
    *(
        by_statement(name, statement, late_after=after, minutes=setting)
        for name, (setting, after, statement) in LATE_STATEMENTS.items()
    ),
]
