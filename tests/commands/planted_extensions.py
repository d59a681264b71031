"""What `flask verify` has to see of extensions: each invariant, and how to break it."""

Plants = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]

CONCIERGE = "UPDATE bookings SET {} WHERE include_concierge"
ADD_EXTENSION = """
    INSERT INTO extensions (id, booking_id, description, items, total_amount, approved_amount_cents,
        captured_amount_cents, status, approved_at, decision_right, requested_at, accepted_items, vat_rate_percent)
    SELECT gen_random_uuid(), id, 'x', '[{{"name": "x", "price": 100, "quantity": "1"}}]', 100, 100, {captured},
        'APPROVED', now(), '{right}', now(), '{{0}}', 19
    FROM bookings WHERE include_concierge"""
ADD_PENDING = """
    INSERT INTO extensions (id, booking_id, description, items, total_amount, requested_at, vat_rate_percent)
    SELECT gen_random_uuid(), id, 'x', '[{"name": "x", "price": 100, "quantity": "0.995"}]', 100, now(), 19
    FROM bookings WHERE include_concierge"""
ADD_LINK = """
    INSERT INTO extension_links (id, extension_id, token_hash, expires_at)
    SELECT gen_random_uuid(), id, id::text, now() FROM extensions"""
ADD_WISH = """
    INSERT INTO extension_wishes (id, booking_id, extension_id, place, name, price, quantity, taken_up_by_id,
        taken_up_place)
    SELECT gen_random_uuid(), b.id, e.id, 0, 'x', {price}, '0.995', {taken}
    FROM extensions e JOIN bookings b ON b.id <> e.booking_id LIMIT 1"""
WITHDRAWN = CONCIERGE.format("status = 'CANCELLED', cancelled_at = now(), withdrawn_at = now()")
APPROVED = ADD_EXTENSION.format(captured=0, right="CUSTOMER")
ADD_CANCELLED = """
    INSERT INTO payments (id, purpose, purpose_id, attempt, user_id, amount_cents, state)
    SELECT gen_random_uuid(), 'EXTENSION', e.id, 1, b.user_id, 100, 'CANCELLED'
    FROM extensions e JOIN bookings b ON b.id = e.booking_id"""

# the invariant -> the guards to take away ("table.constraint" or "index"), and what to break then
EXTENSIONS: Plants = {
    "extensions: of a withdrawn booking that staff need not end nothing captured is kept": (
        (),
        (
            WITHDRAWN,
            ADD_EXTENSION.format(captured=100, right="CUSTOMER"),
            """INSERT INTO payments (id, purpose, purpose_id, attempt, user_id, amount_cents, captured_cents, state)
            SELECT gen_random_uuid(), 'EXTENSION', e.id, 1, b.user_id, 100, 100, 'OPEN'
            FROM extensions e JOIN bookings b ON b.id = e.booking_id""",
        ),
    ),
    "extensions: of a withdrawn booking nothing is offered, held or owed": ((), (WITHDRAWN, ADD_PENDING)),
    "extensions: captured is never above what was approved, nor approved above what was offered": (
        ("extensions.ck_extensions_captured_within_approved",),
        (ADD_EXTENSION.format(captured=101, right="CUSTOMER"),),
    ),
    "extensions: the standing limit is used by exactly what it approved, and never exceeded": (
        (),
        (ADD_EXTENSION.format(captured=0, right="STANDING_LIMIT"),),
    ),
    "extensions: accepted items were offered, and only they are not done": (
        ("extensions.ck_extensions_not_done_were_accepted",),
        (APPROVED, "UPDATE extensions SET not_done_items = '{1}'"),
    ),
    "extensions: the sums are those of the items, each rounded": (
        (),
        (ADD_PENDING, "UPDATE extensions SET total_amount = 99"),
    ),
    "extensions: no more is captured than was accepted and done": (
        (),
        (ADD_EXTENSION.format(captured=100, right="CUSTOMER"), "UPDATE extensions SET not_done_items = '{0}'"),
    ),
    "extensions: whoever decided had a right to, and it is known by which": ((), (APPROVED,)),
    "extensions: none waits for an answer when the car is not worked on": ((), (ADD_PENDING,)),
    "extensions: a wish is about the car and the customer of its booking": (
        (),
        (ADD_PENDING, ADD_WISH.format(price=100, taken="NULL, NULL")),
    ),
    "extensions: a wish says what was offered then": (
        (),
        (ADD_PENDING, ADD_WISH.format(price=99, taken="NULL, NULL")),
    ),
    "extensions: what has taken up a wish is an offer of the same booking, and stands": (
        (),
        (ADD_PENDING, ADD_WISH.format(price=100, taken="e.id, 0")),
    ),
    "extensions: no link opens what is decided": ((), (APPROVED, ADD_LINK)),
    "extensions: captured is what payments took": ((), (ADD_EXTENSION.format(captured=100, right="CUSTOMER"),)),
    "extensions: what says that money is held has it held": (
        (),
        (APPROVED, "UPDATE extensions SET authorization_status = 'AUTHORIZED'"),
    ),
    "extensions: what waits for its hold has an attempt that is not over": (
        (),
        (APPROVED, "UPDATE extensions SET authorization_status = 'PENDING'", ADD_CANCELLED),
    ),
    "extensions: the workshop knows of each that nobody answered": (
        (),
        (ADD_PENDING, "UPDATE extensions SET requested_at = '2026-11-24 08:29+00'"),
    ),
    "extensions: none is settling for long": (
        (),
        (
            APPROVED,
            "UPDATE extensions SET authorization_status = 'CAPTURING'",
            "UPDATE bookings SET work_started_at = created_at, service_completed_at = '2026-11-24 04:59+00'",
        ),
    ),
}
