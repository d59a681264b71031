"""Messages about a booking that are neither written nor queued. See `b2c_web/owed.py`."""

from b2c_web.bookings.messages import send_later
from b2c_web.owed import Owed

# as Python writes the same instant: the reminder of each date is one of its own
PICKUP_TIME = """to_char(b.pickup_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS+00:00')"""
UNWRITTEN = """
    SELECT jsonb_build_object('kind', '{kind}', 'booking_id', b.id, 'once', {once}) AS arguments, {at} AS at
    FROM bookings b WHERE b.withdrawn_at IS NULL AND {wanted} AND NOT EXISTS (
      SELECT FROM notifications n WHERE n.dedupe_key = concat_ws(':', '{kind}', b.id, {once}))"""

OWED = (
    Owed(
        "confirmation of a booking to come that is neither written nor queued",
        send_later,
        UNWRITTEN.format(
            kind="BOOKING_CONFIRMED",
            once="''",
            at="NULL::timestamptz",
            wanted="b.paid_at IS NOT NULL AND b.status = 'CONFIRMED' AND b.new_date_until IS NULL"
            " AND b.pickup_time > :now",
        ),
    ),
    Owed(
        "reminder of a pickup to come that is neither written nor queued",
        send_later,
        UNWRITTEN.format(
            kind="PICKUP_REMINDER",
            once=PICKUP_TIME,
            at="b.pickup_time - make_interval(hours => :REMINDER_HOURS)",
            wanted="b.status = 'CONFIRMED' AND b.pickup_time > :now",
        ),
        settings=("REMINDER_HOURS",),
    ),
    # what was missed for two weeks nobody waits for
    Owed(
        "review request that is neither written nor queued",
        send_later,
        UNWRITTEN.format(
            kind="REVIEW_REQUEST",
            once="''",
            at="b.completed_at + make_interval(hours => :REVIEW_REQUEST_HOURS)",
            wanted="b.status = 'COMPLETED' AND b.completed_at > CAST(:now AS timestamptz) - interval '14 days'",
        ),
        settings=("REVIEW_REQUEST_HOURS",),
    ),
)
