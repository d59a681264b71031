"""`flask verify`, the part about what limits a workshop."""

from b2c_web.checks import Check, by_statement
from b2c_web.config import ZONE
from b2c_web.workshops.generation import ROOM

# what a jockey's state or the overbooking factor changes is counted again from today on
COMING = ROOM.format(which=f"slot.service_date >= (CAST(:now AS timestamptz) AT TIME ZONE '{ZONE.key}')::date")

STATEMENTS = {
    "windows: from today on the room for jockeys is what their shifts give": f"""
        SELECT format('window %s: says %s min (longest trip %s), shifts give %s (%s)', slot.id,
                      slot.jockey_minutes_room, slot.longest_trip_minutes, counted.room, counted.longest)
        FROM time_slots slot JOIN ({COMING}) counted USING (id)
        WHERE (slot.jockey_minutes_room, slot.longest_trip_minutes) <> (counted.room, counted.longest)""",
}

CHECKS: list[Check] = [by_statement(name, statement) for name, statement in STATEMENTS.items()]
