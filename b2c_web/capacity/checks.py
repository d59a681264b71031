"""`flask verify`, the part about requests to move and the waiting list."""

from datetime import timedelta

from b2c_web.checks import Check, by_statement
from b2c_web.config import ZONE

SWEPT_WITHIN = timedelta(minutes=15)

MOVES = {
    "moves: who agreed was moved": """
        SELECT format('request %s', o.id) FROM move_offers o WHERE o.state = 'MOVED' AND NOT EXISTS (
          SELECT 1 FROM booking_moves m WHERE m.booking_id = o.booking_id AND m.state = 'DONE' AND m.fee_cents = 0
            AND m.moved_at BETWEEN o.ended_at - interval '1 minute' AND o.ended_at + interval '1 minute')""",
    "moves: no link that decides is kept in a message that was sent": """
        SELECT format('message %s', id) FROM notifications
        WHERE kind = 'MOVE_ASKED' AND status = 'SENT' AND context ->> 'link_path' LIKE '/move/%'""",
}
WAITING = {
    "waiting list: who was told has a place held": """
        SELECT format('entry %s', w.id) FROM waiting_entries w LEFT JOIN bookings b ON b.id = w.booking_id
        WHERE w.state = 'TOLD' AND b.status IS DISTINCT FROM 'PENDING'""",
    "waiting list: who took the place has paid": """
        SELECT format('entry %s', w.id) FROM waiting_entries w LEFT JOIN bookings b ON b.id = w.booking_id
        WHERE w.state = 'TAKEN' AND b.paid_at IS NULL""",
    "waiting list: everybody was told once": """
        SELECT format('entry %s: %s messages', w.id, count(*)) FROM waiting_entries w
        JOIN notifications n ON n.kind = 'PLACE_FREE' AND n.dedupe_key LIKE '%:' || w.id
        GROUP BY w.id HAVING count(*) > 1""",
}
LATE = {
    "moves: no request is open past its time": """
        SELECT format('request %s', id) FROM move_offers WHERE state = 'ASKED' AND expires_at < :late""",
    "waiting list: nobody waits for a day that is over": f"""
        SELECT format('entry %s for %s', id, day) FROM waiting_entries
        WHERE state = 'WAITING' AND day < (:late AT TIME ZONE '{ZONE.key}')::date""",
}

CHECKS: list[Check] = [
    *(by_statement(name, statement) for name, statement in (MOVES | WAITING).items()),
    *(by_statement(name, statement, late_after=SWEPT_WITHIN) for name, statement in LATE.items()),
]
