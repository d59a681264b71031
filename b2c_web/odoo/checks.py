"""`flask verify`, the part about accounting: what it must know is written down."""

from b2c_web.checks import Check, by_statement

STATEMENTS = {
    "accounting: every paid booking is owed to it or known to it": """
        SELECT format('booking %s', b.number) FROM bookings b
        LEFT JOIN odoo_sync_status o ON o.entity_type = 'booking' AND o.entity_id = b.id
        WHERE b.paid_at IS NOT NULL AND b.odoo_invoice_id IS NULL AND o.id IS NULL""",
    "accounting: every captured extension is owed to it or known to it": """
        SELECT format('extension %s', e.id) FROM extensions e
        LEFT JOIN odoo_sync_status o ON o.entity_type = 'extension' AND o.entity_id = e.id
        WHERE e.authorization_status = 'CAPTURED' AND e.odoo_invoice_id IS NULL AND o.id IS NULL""",
    "accounting: every refund of a paid booking is owed to it": """
        SELECT format('refund %s of booking %s', r.id, b.number) FROM refunds r
        JOIN payments p ON p.id = r.payment_id AND p.purpose = 'BOOKING' JOIN bookings b ON b.id = p.purpose_id
        LEFT JOIN odoo_sync_status i ON i.entity_type = 'booking' AND i.entity_id = b.id
        LEFT JOIN odoo_sync_status o ON o.entity_type = 'refund' AND o.entity_id = r.id
        WHERE r.state = 'SUCCEEDED' AND b.paid_at IS NOT NULL AND i.id IS NOT NULL AND o.id IS NULL""",
    "accounting: every refund of a captured extension is owed to it": """
        SELECT format('refund %s of extension %s', r.id, e.id) FROM refunds r
        JOIN payments p ON p.id = r.payment_id AND p.purpose = 'EXTENSION' JOIN extensions e ON e.id = p.purpose_id
        LEFT JOIN odoo_sync_status o ON o.entity_type = 'refund' AND o.entity_id = r.id
        WHERE r.state = 'SUCCEEDED' AND e.authorization_status = 'CAPTURED'
          AND p.stripe_payment_intent_id = e.stripe_payment_intent_id AND o.id IS NULL""",
}

CHECKS: list[Check] = [by_statement(name, statement) for name, statement in STATEMENTS.items()]
