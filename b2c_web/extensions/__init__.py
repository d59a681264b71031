"""Extensions: the blueprint, and what they do in their neighbours' hooks."""

from flask import Blueprint, Flask

blueprint = Blueprint("extensions", __name__)


def init_app(app: Flask) -> None:
    """Fill bookings', payments' and media's hooks; let pages on the left show extensions. Twice changes nothing."""
    from b2c_web.bookings import hooks
    from b2c_web.extensions import completing, costing, messages, money, queries, wishes, wishing
    from b2c_web.media.hooks import add_referred

    money.register()
    add_referred(queries.media_in_use)
    hooks.completing.add(completing.complete)
    hooks.not_ready_before.add(queries.ready_at)
    hooks.undecided.add(completing.is_undecided)
    hooks.cancelled.add(completing.end)
    hooks.withdrawn.add(completing.end)
    hooks.ready_for_return.add(completing.end)  # a booking that staff cancelled while the car is here
    hooks.open_work.add(wishes.open_work)
    hooks.wished.add(wishing.keep)
    hooks.wishes_of.add(wishes.told_of)
    hooks.waits_for.add(queries.waiting_for_customer)
    hooks.extra_work_of.add(messages.extra_work_of)
    hooks.cents_beside.add(costing.refundable_cents)
    hooks.is_due.add(costing.is_due)
    hooks.extra_costs_of.add(costing.extra_costs_of)
    hooks.late_refunds_of.add(costing.late_refunds_of)
    hooks.other_car.add(wishing.part_from_car)
    shown = {"extensions_of": queries.of_booking, "wishes_of": wishes.of_booking, "open_work_of": wishes.open_work_of}
    app.jinja_env.globals |= shown | {"bookings_waiting": queries.bookings_waiting}
