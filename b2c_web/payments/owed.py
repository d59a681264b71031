"""What payments owe to the provider or to a stored event, and that no job is queued for. See `b2c_web/owed.py`."""

from b2c_web.owed import Owed, about
from b2c_web.payments import jobs as declared

OWED = (
    Owed(
        "refunds that nobody asks the provider for",
        declared.refund,
        about(
            "refund_id",
            "SELECT id::text AS id FROM refunds"
            " WHERE state = 'PENDING' AND stripe_refund_id IS NULL AND updated_at < :before",
        ),
    ),
    Owed(
        "given up payments that the provider still waits for",
        declared.close_checkout,
        about(
            "payment_id",
            "SELECT id::text AS id FROM payments WHERE state = 'CANCELLED'"
            " AND (checkout_url IS NOT NULL OR authorized_cents > 0) AND updated_at < :before"
            " UNION SELECT id::text FROM payments WHERE state = 'CANCELLED' AND provider_asked_at < :before",
        ),
    ),
    Owed(
        "holds that nobody asks the provider for",
        declared.authorize,
        about(
            "payment_id",
            "SELECT id::text AS id FROM payments"
            " WHERE state = 'CREATED' AND hold_asked_at < :before"
            " AND coalesce(provider_asked_at, '-infinity') < :before",
        ),
    ),
    Owed(
        "captures that nobody asks the provider for",
        declared.capture,
        about(
            "payment_id",
            "SELECT id::text AS id FROM payments WHERE state = 'AUTHORIZED' AND capture_asked_at < :before"
            " AND capture_given_up_at IS NULL AND coalesce(provider_asked_at, '-infinity') < :before",
        ),
    ),
    Owed(
        "given up pages to save a method that the provider still shows",
        declared.close_setup,
        about(
            "setup_id",
            "SELECT id::text AS id FROM method_setups"
            " WHERE state = 'ENDED' AND closed_at IS NULL AND updated_at < :before",
        ),
    ),
    Owed(
        "events received and not handled",
        declared.handle_event,
        about(
            "event_id",
            "SELECT id FROM provider_events WHERE processed_at IS NULL AND received_at < :before",
        ),
    ),
    Owed(
        "removed cards that the provider still keeps",
        declared.detach_method,
        about(
            "method_id",
            "SELECT id::text AS id FROM payment_methods"
            " WHERE NOT is_active AND detached_at IS NULL AND updated_at < :before",
        ),
    ),
    Owed(
        "usual cards that the provider was not told of",
        declared.push_default,
        about(
            "user_id",
            "SELECT m.user_id::text AS id FROM payment_methods m JOIN users u ON u.id = m.user_id"
            " WHERE m.is_default AND m.default_told_at IS NULL AND m.updated_at < :before"
            " AND u.stripe_customer_id IS NOT NULL",
        ),
    ),
)
