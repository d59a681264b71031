"""Odoo, the accounting system: fills the bookings' hooks with what it must know."""

from flask import Flask


def init_app(app: Flask) -> None:
    """A paid booking owes an invoice, a captured extension a second one, a refund a credit note.

    Doing it twice changes nothing.
    """
    from b2c_web.bookings import hooks
    from b2c_web.extensions import hooks as extension_hooks
    from b2c_web.odoo import commands

    hooks.confirmed.add(commands.owe_invoice)
    hooks.fee_paid.add(commands.owe_invoice)
    hooks.refunded.add(commands.owe_credit_notes)
    extension_hooks.captured.add(commands.owe_extension_invoice)
    extension_hooks.refunded.add(commands.owe_extension_credit_notes)
