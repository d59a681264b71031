"""Operations: what failed for good, and the hooks that bring it here."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Everything that gives up puts it before a person. Doing it twice changes nothing."""
    from b2c_web import jobs
    from b2c_web.notifications import hooks as notification_hooks
    from b2c_web.operations import commands
    from b2c_web.payments import hooks as payment_hooks

    jobs.gave_up.add(commands.record_job)
    notification_hooks.gave_up.add(commands.record_message)
    if commands.record_failure not in payment_hooks.gave_up:
        payment_hooks.gave_up.append(commands.record_failure)
        payment_hooks.settled.append(commands.resolve)
