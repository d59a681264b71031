"""`flask verify`, the part about side effects: none is owed and not queued. (Payments' own are in its checks.)"""

from datetime import timedelta

from b2c_web.checks import Check, by_statement

LATE = timedelta(minutes=2)
QUEUED = """EXISTS (SELECT FROM procrastinate_jobs j WHERE j.task_name = '{job}'
    AND j.status IN ('todo', 'doing') AND j.args ->> '{argument}' = {id}::text)"""

STATEMENTS = {
    "queue: every message that waits has a job": f"""
        SELECT format('message %s (%s)', n.id, n.kind) FROM notifications n
        WHERE n.status = 'QUEUED' AND n.updated_at < :late
          AND NOT {QUEUED.format(job="notifications.send", argument="notification_id", id="n.id")}""",
    "queue: every hold has the job that ends it": f"""
        SELECT format('booking %s', b.number) FROM bookings b
        WHERE b.status = 'PENDING' AND b.created_at < :late
          AND NOT {QUEUED.format(job="bookings.expire_hold", argument="booking_id", id="b.id")}""",
    "queue: every job that failed for good is before a person": """
        SELECT format('job %s (%s)', j.id, j.task_name) FROM procrastinate_jobs j
        WHERE j.status = 'failed' AND j.queueing_lock IS NULL
          AND (SELECT max(e.at) FROM procrastinate_events e WHERE e.job_id = j.id) < :late
          AND NOT EXISTS (SELECT FROM failed_operations f WHERE f.operation = j.task_name
                          AND f.payload ->> 'job_id' = j.id::text)""",
}

CHECKS: list[Check] = [by_statement(name, statement, late_after=LATE) for name, statement in STATEMENTS.items()]
