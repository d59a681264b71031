"""`flask verify`, the part about bookings: counters, trips, Ronjas, holds, messages, and what one says of its money."""

from datetime import timedelta

from b2c_web.bookings.owed import OWED
from b2c_web.checks import Check, by_statement
from b2c_web.config import ZONE
from b2c_web.owed import check_of

HOLD_OVERDUE = timedelta(minutes=2)
OFFER_OVERDUE = timedelta(minutes=10)
WITHDRAWAL_OVERDUE = timedelta(days=7)  # the money has to be back within 14 (§ 357 BGB)

# a concierge booking that still needs its trips and its Ronja
CONCIERGE_LIVE = """b.include_concierge AND b.concierge_dropped_at IS NULL
    AND b.status NOT IN ('COMPLETED', 'CANCELLED')"""

# a booking that was withdrawn from, which staff have to end: `STAFF_END_IT` of the models
STAFF_END_IT = "b.status IN ('IN_TRANSIT_TO_WORKSHOP', 'IN_WORKSHOP')"

COUNTERS = {
    "days: current_bookings equals the bookings that hold a place, by local pickup date": f"""
        WITH held AS (
            SELECT workshop_id, (pickup_time AT TIME ZONE '{ZONE.key}')::date AS date, count(*) AS n
            FROM bookings WHERE places_released_at IS NULL GROUP BY 1, 2)
        SELECT format('workshop %s on %s: counts %s, holds %s', workshop_id, date, d.current_bookings, coalesce(n, 0))
        FROM workshop_capacity d FULL JOIN held USING (workshop_id, date)
        WHERE d.current_bookings IS DISTINCT FROM coalesce(n, 0)""",
    "windows: current_bookings equals the bookings that hold a place": """
        WITH held AS (
            SELECT slot_id, count(*) AS n FROM bookings WHERE places_released_at IS NULL GROUP BY slot_id)
        SELECT format('window %s: counts %s, holds %s', s.id, s.current_bookings, coalesce(n, 0))
        FROM time_slots s LEFT JOIN held ON held.slot_id = s.id WHERE s.current_bookings <> coalesce(n, 0)""",
    "windows: jockey_minutes_taken equals the minutes of live trips": """
        WITH taken AS (
            SELECT m.slot_id, sum(m.minutes) AS n FROM trip_minutes m JOIN trips t ON t.id = m.trip_id
            WHERE t.released_at IS NULL GROUP BY m.slot_id)
        SELECT format('window %s: counts %s min, trips need %s', s.id, s.jockey_minutes_taken, coalesce(n, 0))
        FROM time_slots s LEFT JOIN taken ON taken.slot_id = s.id WHERE s.jockey_minutes_taken <> coalesce(n, 0)""",
    "windows: jockey_minutes_short is what was promised above the room": """
        SELECT format('window %s: %s min short', id, jockey_minutes_short) FROM time_slots
        WHERE jockey_minutes_short <> greatest(0, jockey_minutes_taken - jockey_minutes_room)""",
    "windows and days: never above their maximum": """
        SELECT format('window %s', id) FROM time_slots WHERE current_bookings NOT BETWEEN 0 AND max_bookings
        UNION ALL
        SELECT format('workshop %s on %s', workshop_id, date) FROM workshop_capacity
        WHERE current_bookings NOT BETWEEN 0 AND max_bookings""",
}

TRIPS = {
    "trips: a live trip holds all its minutes, a released one none": """
        SELECT format('trip %s: needs %s min, holds %s', t.id, t.jockey_minutes, coalesce(sum(m.minutes), 0))
        FROM trips t LEFT JOIN trip_minutes m ON m.trip_id = t.id GROUP BY t.id
        HAVING coalesce(sum(m.minutes), 0) <> CASE WHEN t.released_at IS NULL THEN t.jockey_minutes ELSE 0 END""",
    "trips: a live concierge booking has exactly one PICKUP and one RETURN": f"""
        SELECT format('booking %s (%s)', b.number, b.status) FROM bookings b LEFT JOIN trips t
          ON t.booking_id = b.id AND t.released_at IS NULL
        WHERE {CONCIERGE_LIVE} GROUP BY b.id
        HAVING count(*) FILTER (WHERE t.type = 'PICKUP') <> 1 OR count(*) FILTER (WHERE t.type = 'RETURN') <> 1""",
    "trips: they lie in the booking's own windows": f"""
        SELECT format('booking %s: %s', b.number, t.type) FROM bookings b
        JOIN trips t ON t.booking_id = b.id AND t.released_at IS NULL JOIN time_slots s ON s.id = t.slot_id
        WHERE {CONCIERGE_LIVE} AND (
          t.slot_id <> CASE t.type WHEN 'PICKUP' THEN b.slot_id ELSE b.return_slot_id END
          OR (t.window_start, t.window_end) <> (s.start_time, s.end_time)
          OR b.pickup_time <> s.start_time AND t.type = 'PICKUP'
          OR b.estimated_return_time <> s.end_time AND t.type = 'RETURN')""",
    "trips: drop-offs, and bookings that gave their places back, have none": """
        SELECT format('booking %s (%s): %s', b.number, b.status, t.type) FROM trips t
        JOIN bookings b ON b.id = t.booking_id WHERE t.released_at IS NULL AND (
          NOT b.include_concierge OR b.concierge_dropped_at IS NOT NULL OR b.places_released_at IS NOT NULL)""",
}

RONJAS = {
    "Ronjas: a live concierge booking has one, from before its pickup into its return": f"""
        SELECT format('booking %s (%s)', b.number, b.status) FROM bookings b
        LEFT JOIN ronja_reservations r ON r.booking_id = b.id JOIN time_slots s ON s.id = b.return_slot_id
        WHERE {CONCIERGE_LIVE}
          AND (r.id IS NULL OR lower(r.during) > b.pickup_time OR upper(r.during) <= s.start_time)""",
    # cleaning comes on top, by the setting at that time; what happens on the road only makes it longer
    "Ronjas: before the pickup one is reserved from the drive there to the drive home": """
        SELECT format('booking %s: %s', b.number, r.during) FROM bookings b
        JOIN ronja_reservations r ON r.booking_id = b.id
        JOIN trips p ON p.booking_id = b.id AND p.type = 'PICKUP' AND p.released_at IS NULL
        JOIN trips t ON t.booking_id = b.id AND t.type = 'RETURN' AND t.released_at IS NULL
        WHERE b.status IN ('PENDING', 'CONFIRMED') AND NOT r.during @> tstzrange(
          p.window_start - make_interval(mins => p.travel_minutes),
          t.window_end + make_interval(mins => t.travel_minutes))""",
    "Ronjas: a cancelled booking keeps its own until the car is home": """
        SELECT format('booking %s', b.number) FROM bookings b LEFT JOIN ronja_reservations r ON r.booking_id = b.id
        WHERE b.status = 'CANCELLED' AND b.places_released_at IS NULL AND b.include_concierge
          AND b.concierge_dropped_at IS NULL AND r.id IS NULL""",
    "Ronjas: drop-offs, and bookings that gave their places back, have none": """
        SELECT format('booking %s (%s)', b.number, b.status) FROM ronja_reservations r
        JOIN bookings b ON b.id = r.booking_id
        WHERE NOT b.include_concierge OR b.concierge_dropped_at IS NOT NULL OR b.places_released_at IS NOT NULL""",
    # sorted by start, any overlap shows between neighbours; independent of the constraint
    "Ronjas: none is promised twice at once": """
        SELECT format('Ronja %s from %s', ronja_id, next_start) FROM (
          SELECT ronja_id, upper(during) AS until,
            lead(lower(during)) OVER (PARTITION BY ronja_id ORDER BY lower(during), id) AS next_start
          FROM ronja_reservations) plan WHERE next_start < until""",
}

HOLDS = {
    "holds: none is over for more than 2 min and still holds its places": (
        """SELECT format('booking %s since %s', number, hold_expires_at) FROM bookings
        WHERE status = 'PENDING' AND hold_expires_at < :late""",
        HOLD_OVERDUE,
    ),
    "no-shows: none waits for a new date past its offer": (
        """SELECT format('booking %s since %s', number, new_date_until) FROM bookings
        WHERE status = 'CONFIRMED' AND new_date_until < :late""",
        OFFER_OVERDUE,
    ),
    "withdrawals: none waits for more than 7 days until staff end its booking": (
        f"""SELECT format('booking %s since %s', b.number, b.withdrawn_at) FROM bookings b
        WHERE b.withdrawn_at < :late AND {STAFF_END_IT}""",
        WITHDRAWAL_OVERDUE,
    ),
}

# of a refund r: it came back, and a person is asked about it
_ASKED_ABOUT = """r.state = 'FAILED' AND EXISTS (
      SELECT FROM failed_operations f WHERE f.operation = 'payments.refund'
      AND f.payload ->> 'refund_id' = r.id::text AND f.resolved_at IS NULL)"""

# what came for a booking, what went back or is on its way back, and what came back and is before a person
_MONEY = f"""
    SELECT b.number, b.status, b.withdrawn_at, b.payment_status, b.total_price, coalesce(p.charged, 0) AS charged,
      CASE WHEN b.status = 'CANCELLED' THEN coalesce(d.fees, 0) WHEN b.concierge_dropped_at IS NULL THEN b.total_price
        ELSE b.base_price END AS due,
      coalesce(p.refunded, 0) AS refunded, coalesce(r.going_back, 0) AS going_back,
      coalesce(r.asked_about, 0) AS asked_about
    FROM bookings b
    LEFT JOIN (SELECT purpose_id, sum(captured_cents) AS charged, sum(refunded_cents) AS refunded
               FROM payments WHERE purpose = 'BOOKING' GROUP BY purpose_id) p ON p.purpose_id = b.id
    LEFT JOIN (SELECT p.purpose_id, sum(r.amount_cents) FILTER (WHERE r.state <> 'FAILED') AS going_back,
                 sum(r.amount_cents) FILTER (WHERE {_ASKED_ABOUT}) AS asked_about
               FROM refunds r JOIN payments p ON p.id = r.payment_id
               WHERE p.purpose = 'BOOKING' GROUP BY p.purpose_id) r ON r.purpose_id = b.id
    LEFT JOIN (SELECT purpose_id, sum(gross_cents) AS fees FROM documents WHERE kind = 'FEE' GROUP BY 1) d
      ON d.purpose_id = b.id"""
_SAYS = "format('booking %s (%s): charged %s, refunded %s', number, payment_status, charged, refunded)"

# per payment: what went back, is on its way back, or came back and is before a person
GOING_BACK = f"""
    SELECT r.payment_id, sum(r.amount_cents) AS cents FROM refunds r
    WHERE r.state <> 'FAILED' OR {_ASKED_ABOUT} GROUP BY r.payment_id"""

MONEY = {
    "withdrawals: of one that staff need not end nothing is kept, neither of the price nor of a late move's fee": f"""
        SELECT format('booking %s: charged %s, going back %s', b.number, p.captured_cents, coalesce(g.cents, 0))
        FROM bookings b LEFT JOIN booking_moves m ON m.booking_id = b.id JOIN payments p
          ON (p.purpose, p.purpose_id) IN (('BOOKING', b.id), ('MOVE_FEE', m.id))
        LEFT JOIN ({GOING_BACK}) g ON g.payment_id = p.id
        WHERE b.withdrawn_at IS NOT NULL AND NOT {STAFF_END_IT} AND p.captured_cents > coalesce(g.cents, 0)
        GROUP BY p.id, b.number, g.cents""",
    "money: a paid booking was charged its price, an unpaid one keeps nothing": f"""
        SELECT {_SAYS} FROM ({_MONEY}) m
        WHERE CASE WHEN payment_status IN ('PAID', 'REFUNDED') THEN charged < total_price
                   ELSE charged > going_back + asked_about END""",
    "money: a booking keeps no more than its price, a cancelled one no more than its fee document says": f"""
        SELECT format('booking %s (%s): keeps %s of %s', number, status, charged - going_back - asked_about, due)
        FROM ({_MONEY}) m
        WHERE payment_status IN ('PAID', 'REFUNDED') AND withdrawn_at IS NULL
          AND charged - going_back - asked_about > due""",
    "money: a booking is REFUNDED exactly when all of it went back": f"""
        SELECT {_SAYS} FROM ({_MONEY}) m WHERE payment_status IN ('PAID', 'REFUNDED')
        AND (payment_status = 'REFUNDED') <> (charged > 0 AND refunded >= charged)""",
    "money: what went back is never above what was charged": f"""
        SELECT {_SAYS} FROM ({_MONEY}) m WHERE going_back > charged OR refunded > charged""",
    "money: each booking's price is the sum of its parts": """
        SELECT format('booking %s', number) FROM bookings WHERE total_price <> base_price + concierge_price""",
}

CHECKS: list[Check] = [
    *(by_statement(name, statement) for name, statement in (COUNTERS | TRIPS | RONJAS | MONEY).items()),
    *(by_statement(name, statement, late_after=late) for name, (statement, late) in HOLDS.items()),
    *(check_of(owed, f"queue: no {owed.name}", timedelta(0)) for owed in OWED),
]
