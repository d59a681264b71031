"""`flask verify`, the part about trips: who drives what, and nobody twice at once."""

from b2c_web.checks import Check, by_statement
from b2c_web.dispatch.whereabouts import WITH_CUSTOMER

OPEN = "a.status NOT IN ('COMPLETED', 'CANCELLED')"
WITHOUT_DRIVER = """
    SELECT format('booking %s', b.number) FROM bookings b
    WHERE b.status = '{status}' AND b.include_concierge AND b.concierge_dropped_at IS NULL
      AND b.new_date_until IS NULL
      AND NOT EXISTS (SELECT FROM jockey_assignments a WHERE a.booking_id = b.id AND a.type = '{kind}' AND {open})
      AND coalesce((SELECT a.cancel_reason::text FROM jockey_assignments a
                    WHERE a.booking_id = b.id AND a.type = '{kind}' ORDER BY a.created_at DESC, a.id DESC LIMIT 1),
                   'NEVER ASSIGNED') IN ('NEVER ASSIGNED', 'BOOKING_CANCELLED')"""

STATEMENTS = {
    "assignments: one open at most per booking and type": f"""
        SELECT format('booking %s: %s open %s', b.number, count(*), a.type) FROM jockey_assignments a
        JOIN bookings b ON b.id = a.booking_id WHERE {OPEN} GROUP BY b.id, a.type HAVING count(*) > 1""",
    "assignments: a CONFIRMED concierge booking has its PICKUP, unless a dispatcher or a no-show took it away": (
        WITHOUT_DRIVER.format(status="CONFIRMED", kind="PICKUP", open=OPEN)
    ),
    "assignments: a car that is ready has its RETURN, unless it failed or a dispatcher took it away": (
        WITHOUT_DRIVER.format(status="READY_FOR_RETURN", kind="RETURN", open=OPEN)
    ),
    "assignments: no RETURN is given out in time while the customer is asked for a new window": f"""
        SELECT format('booking %s', b.number) FROM jockey_assignments a JOIN bookings b ON b.id = a.booking_id
        JOIN trips t ON t.booking_id = b.id AND t.type = a.type AND t.released_at IS NULL
        WHERE b.return_failed_at IS NOT NULL AND a.type = 'RETURN' AND {OPEN} AND a.created_at < t.window_end""",
    # staff may have ended a booking whose car its jockey still drives to the workshop
    "assignments: none is open for a booking that ended": f"""
        SELECT format('booking %s (%s): %s', b.number, b.status, a.type) FROM jockey_assignments a
        JOIN bookings b ON b.id = a.booking_id WHERE {OPEN}
          AND a.status NOT IN ('IN_TRANSIT_TO_WORKSHOP', 'AT_WORKSHOP')
          AND (b.status IN ('PENDING', 'COMPLETED') OR b.status = 'CANCELLED' AND b.places_released_at IS NOT NULL)""",
    "bookings: a cancelled one gave its places back, unless its car came to us and is not home": """
        SELECT format('booking %s', b.number) FROM bookings b
        WHERE b.status = 'CANCELLED' AND b.places_released_at IS NULL AND (
          b.actual_return_time IS NOT NULL
          OR b.workshop_checkin_at IS NULL AND NOT EXISTS (
            SELECT FROM jockey_assignments a
            WHERE a.booking_id = b.id AND a.type = 'PICKUP' AND a.departed_at IS NOT NULL))""",
    "assignments: the trip's step fits the booking's state": f"""
        SELECT format('booking %s (%s): %s %s', b.number, b.status, a.type, a.status) FROM jockey_assignments a
        JOIN bookings b ON b.id = a.booking_id WHERE {OPEN} AND b.status <> 'CANCELLED' AND (
          a.status IN ('ASSIGNED', 'EN_ROUTE_TO_PICKUP', 'AT_PICKUP_LOCATION') AND a.type = 'PICKUP'
            AND b.status <> 'CONFIRMED'
          OR a.status IN ('IN_TRANSIT_TO_WORKSHOP', 'AT_WORKSHOP') AND b.status = 'CONFIRMED'
          OR a.status = 'ASSIGNED' AND a.type = 'RETURN' AND b.status <> 'READY_FOR_RETURN'
          OR a.status IN ('EN_ROUTE_TO_CUSTOMER', 'AT_RETURN_LOCATION') AND b.status <> 'IN_TRANSIT_TO_CUSTOMER')""",
    "assignments: the Ronja is the reserved one": f"""
        SELECT format('booking %s: %s', b.number, a.type) FROM jockey_assignments a
        JOIN bookings b ON b.id = a.booking_id LEFT JOIN ronja_reservations r ON r.booking_id = b.id
        WHERE {OPEN} AND r.ronja_id IS DISTINCT FROM a.vehicle_id""",
    "assignments: an open one that is not flagged has its jockey's time": f"""
        SELECT format('assignment %s', a.id) FROM jockey_assignments a
        LEFT JOIN jockey_busy_ranges r ON r.assignment_id = a.id
        WHERE {OPEN} AND a.conflict IS NULL AND (r.id IS NULL OR r.jockey_id <> a.jockey_id)""",
    "assignments: until it begins its jockey is taken for the whole trip": """
        SELECT format('assignment %s: %s', a.id, r.during) FROM jockey_assignments a
        JOIN trips t ON t.id = a.trip_id JOIN jockey_busy_ranges r ON r.assignment_id = a.id
        WHERE a.status = 'ASSIGNED' AND a.conflict IS NULL AND r.during <> tstzrange(
          a.scheduled_time - make_interval(mins => t.travel_minutes),
          a.scheduled_time + make_interval(mins => t.jockey_minutes - t.travel_minutes))""",
    # plans may be late and overlap in life; one car in the hands of two customers is a fault in the records
    "Ronjas: handed to one customer at a time": f"""
        SELECT format('Ronja %s: bookings %s', v.license_plate, string_agg(b.number, ', ' ORDER BY b.number))
        FROM jockey_assignments a JOIN bookings b ON b.id = a.booking_id JOIN ronja_vehicles v ON v.id = a.vehicle_id
        WHERE a.type = 'PICKUP' AND a.departed_at IS NOT NULL AND {WITH_CUSTOMER}
        GROUP BY v.id HAVING count(DISTINCT b.id) > 1""",
    "jockeys: none is planned twice at once": """
        SELECT format('jockey %s from %s', jockey_id, next_start) FROM (
          SELECT jockey_id, upper(during) AS until,
            lead(lower(during)) OVER (PARTITION BY jockey_id ORDER BY lower(during), id) AS next_start
          FROM jockey_busy_ranges) plan WHERE next_start < until""",
    "jockeys: BUSY exactly during a running trip": """
        SELECT format('jockey %s is %s', j.id, j.status) FROM jockeys j
        WHERE j.status <> 'INACTIVE' AND (j.status = 'BUSY') <> EXISTS (
          SELECT FROM jockey_assignments a WHERE a.jockey_id = j.id
          AND a.status NOT IN ('ASSIGNED', 'COMPLETED', 'CANCELLED'))""",
}

CHECKS: list[Check] = [by_statement(name, statement) for name, statement in STATEMENTS.items()]
