"""Create all tables.

Revision: 20261123_0100
"""

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy.dialects import postgresql

revision = "20261123_0100"
down_revision = None
branch_labels = None
depends_on = None


def enum(name: str, *values: str) -> postgresql.ENUM:
    return postgresql.ENUM(*values, name=name, create_type=False)


ASSIGNMENT_CANCEL_REASON = enum("assignment_cancel_reason", "NO_SHOW", "REDISPATCHED", "BREAKDOWN", "BOOKING_CANCELLED")
ASSIGNMENT_STATUS = enum(
    "assignment_status",
    "ASSIGNED",
    "EN_ROUTE_TO_PICKUP",
    "AT_PICKUP_LOCATION",
    "IN_TRANSIT_TO_WORKSHOP",
    "AT_WORKSHOP",
    "EN_ROUTE_TO_CUSTOMER",
    "AT_RETURN_LOCATION",
    "COMPLETED",
    "CANCELLED",
)
ASSIGNMENT_TYPE = enum("assignment_type", "PICKUP", "RETURN")
AUTHORIZATION_STATUS = enum(
    "authorization_status",
    "NONE",
    "PENDING",
    "REQUIRES_ACTION",
    "AUTHORIZED",
    "CAPTURING",
    "PROCESSING",
    "CAPTURED",
    "FAILED",
    "RELEASED",
)
BOOKING_STATUS = enum(
    "booking_status",
    "PENDING",
    "CONFIRMED",
    "IN_TRANSIT_TO_WORKSHOP",
    "IN_WORKSHOP",
    "READY_FOR_RETURN",
    "IN_TRANSIT_TO_CUSTOMER",
    "COMPLETED",
    "CANCELLED",
)
CAPTURE_METHOD = enum("capture_method", "AUTOMATIC", "MANUAL")
DECISION_RIGHT = enum("decision_right", "CUSTOMER", "STANDING_LIMIT", "RECORDED_CONSENT")
DOCUMENT_KIND = enum("document_kind", "RECEIPT", "FEE", "REFUND")
EXTENSION_STATUS = enum("extension_status", "PENDING", "APPROVED", "DECLINED", "CANCELLED")
FUEL_TYPE = enum("fuel_type", "GASOLINE", "DIESEL", "ELECTRIC", "HYBRID")
JOCKEY_STATUS = enum("jockey_status", "ACTIVE", "BUSY", "OFF_DUTY", "INACTIVE")
LEDGER_KIND = enum("ledger_kind", "CHARGE", "REFUND", "REFUND_RETURNED")
MOVE_STATE = enum("move_state", "AWAITING_FEE", "DONE", "FAILED")
NOTIFICATION_KIND = enum(
    "notification_kind",
    "LOGIN_CODE",
    "BOOKING_CONFIRMED",
    "PAYMENT_FAILED",
    "BOOKING_CANCELLED",
    "BOOKING_MOVED",
    "BOOKING_WITHDRAWN",
    "PICKUP_REMINDER",
    "NO_SHOW",
    "MONEY_RETURNED",
    "JOCKEY_UNDER_WAY",
    "PICKED_UP",
    "IN_WORKSHOP",
    "EXTENSION_RAISED",
    "EXTENSION_DECIDED",
    "READY",
    "UNDER_WAY_BACK",
    "RETURN_FAILED",
    "COMPLETED",
    "REVIEW_REQUEST",
)
NOTIFICATION_STATUS = enum("notification_status", "QUEUED", "SENDING", "SENT", "KEPT", "FAILED")
PAYMENT_PURPOSE = enum("payment_purpose", "BOOKING", "MOVE_FEE", "EXTENSION")
PAYMENT_STATE = enum("payment_state", "CREATED", "OPEN", "PROCESSING", "AUTHORIZED", "SUCCEEDED", "FAILED", "CANCELLED")
PAYMENT_STATUS = enum("payment_status", "PENDING", "PAID", "FAILED", "REFUNDED")
REFUND_STATE = enum("refund_state", "PENDING", "SUCCEEDED", "FAILED")
SERVICE_TYPE = enum("service_type", "OIL_SERVICE", "INSPECTION", "BRAKE_SERVICE", "CLIMATE_SERVICE")
SYNC_STATUS = enum("sync_status", "PENDING", "SYNCED", "FAILED")
USER_ROLE = enum("user_role", "CUSTOMER", "WORKSHOP", "DISPATCHER", "JOCKEY", "ADMIN")
VEHICLE_CLASS = enum("vehicle_class", "COMPACT", "MIDSIZE", "SUV", "LUXURY")
VEHICLE_STATUS = enum("vehicle_status", "AVAILABLE", "IN_USE", "MAINTENANCE", "OUT_OF_SERVICE")

ENUMS = (
    ASSIGNMENT_CANCEL_REASON,
    ASSIGNMENT_STATUS,
    ASSIGNMENT_TYPE,
    AUTHORIZATION_STATUS,
    BOOKING_STATUS,
    CAPTURE_METHOD,
    DECISION_RIGHT,
    DOCUMENT_KIND,
    EXTENSION_STATUS,
    FUEL_TYPE,
    JOCKEY_STATUS,
    LEDGER_KIND,
    MOVE_STATE,
    NOTIFICATION_KIND,
    NOTIFICATION_STATUS,
    PAYMENT_PURPOSE,
    PAYMENT_STATE,
    PAYMENT_STATUS,
    REFUND_STATE,
    SERVICE_TYPE,
    SYNC_STATUS,
    USER_ROLE,
    VEHICLE_CLASS,
    VEHICLE_STATUS,
)
SEQUENCES = ("booking_number_seq", "document_number_seq")


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    for sequence in SEQUENCES:
        op.execute(f"CREATE SEQUENCE {sequence}")
    for kind in ENUMS:
        kind.create(op.get_bind(), checkfirst=False)
    _create_queue()
    op.create_table(
        "credential_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("succeeded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential_attempts")),
    )
    with op.batch_alter_table("credential_attempts", schema=None) as batch_op:
        batch_op.create_index(
            "ix_credential_attempts_kind_network_created_at", ["kind", "network", "created_at"], unique=False
        )
        batch_op.create_index(
            "ix_credential_attempts_kind_subject_created_at", ["kind", "subject", "created_at"], unique=False
        )

    op.create_table(
        "login_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("tries_left >= 0", name=op.f("ck_login_codes_tries_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_codes")),
        sa.UniqueConstraint("email", name=op.f("uq_login_codes_email")),
    )
    with op.batch_alter_table("login_codes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_codes_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "odoo_sync_status",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_type", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("odoo_id", sa.Integer(), nullable=True),
        sa.Column("status", SYNC_STATUS, server_default="PENDING", nullable=False),
        sa.Column("last_sync_attempt", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sync_error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_odoo_sync_status_attempts_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_odoo_sync_status")),
        sa.UniqueConstraint("entity_type", "entity_id", name=op.f("uq_odoo_sync_status_entity_type_entity_id")),
    )
    with op.batch_alter_table("odoo_sync_status", schema=None) as batch_op:
        batch_op.create_index("ix_odoo_sync_status_status_created_at", ["status", "created_at"], unique=False)

    op.create_table(
        "provider_events",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("object_id", sa.String(length=120), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_events")),
    )
    with op.batch_alter_table("provider_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_provider_events_object_id"), ["object_id"], unique=False)
        batch_op.create_index(
            "ix_provider_events_unprocessed",
            ["received_at"],
            unique=False,
            postgresql_where=sa.text("processed_at IS NULL"),
        )

    op.create_table(
        "services",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", SERVICE_TYPE, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("estimated_duration", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("estimated_duration BETWEEN 1 AND 1440", name=op.f("ck_services_duration_plausible")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
        sa.UniqueConstraint("type", name=op.f("uq_services_type")),
    )
    op.create_table(
        "workshops",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.String(length=5), nullable=False),
        sa.Column("city", sa.String(length=120), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lng", sa.Float(), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("service_radius", sa.Integer(), server_default="60", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("federal_state", sa.String(length=2), server_default="NW", nullable=False),
        sa.Column("jockey_overbooking_percent", sa.Integer(), server_default="100", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "jockey_overbooking_percent BETWEEN 50 AND 300", name=op.f("ck_workshops_overbooking_plausible")
        ),
        sa.CheckConstraint(
            "lat BETWEEN -90 AND 90 AND lng BETWEEN -180 AND 180", name=op.f("ck_workshops_position_on_earth")
        ),
        sa.CheckConstraint("service_radius BETWEEN 0 AND 500", name=op.f("ck_workshops_radius_plausible")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workshops")),
    )
    with op.batch_alter_table("workshops", schema=None) as batch_op:
        batch_op.create_index("ix_workshops_active", ["id"], unique=False, postgresql_where=sa.text("is_active"))
        batch_op.create_index(batch_op.f("ix_workshops_postal_code"), ["postal_code"], unique=False)

    op.create_table(
        "ronja_vehicles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workshop_id", sa.Uuid(), nullable=False),
        sa.Column("license_plate", sa.String(length=12), nullable=False),
        sa.Column("make", sa.String(length=60), nullable=False),
        sa.Column("model", sa.String(length=60), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("color", sa.String(length=40), nullable=False),
        sa.Column("fuel_type", FUEL_TYPE, nullable=False),
        sa.Column("status", VEHICLE_STATUS, server_default="AVAILABLE", nullable=False),
        sa.Column("current_location", sa.Text(), nullable=True),
        sa.Column("mileage", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_service_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_service_due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_service_mileage", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("mileage >= 0", name=op.f("ck_ronja_vehicles_mileage_not_negative")),
        sa.CheckConstraint("year BETWEEN 1900 AND 2100", name=op.f("ck_ronja_vehicles_year_plausible")),
        sa.ForeignKeyConstraint(
            ["workshop_id"], ["workshops.id"], name=op.f("fk_ronja_vehicles_workshop_id_workshops"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ronja_vehicles")),
        sa.UniqueConstraint("license_plate", name=op.f("uq_ronja_vehicles_license_plate")),
    )
    with op.batch_alter_table("ronja_vehicles", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ronja_vehicles_next_service_due"), ["next_service_due"], unique=False)
        batch_op.create_index(batch_op.f("ix_ronja_vehicles_status"), ["status"], unique=False)
        batch_op.create_index(batch_op.f("ix_ronja_vehicles_workshop_id"), ["workshop_id"], unique=False)

    op.create_table(
        "service_pricing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("vehicle_class", VEHICLE_CLASS, nullable=False),
        sa.Column("base_price", sa.Integer(), nullable=False),
        sa.Column("concierge_price", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("service_id"), "="),
            (sa.column("vehicle_class"), "="),
            (sa.text("tstzrange(valid_from, valid_until)"), "&&"),
            using="gist",
            name="ex_service_pricing_validity",
        ),
        sa.CheckConstraint(
            "base_price > 0 AND concierge_price >= 0", name=op.f("ck_service_pricing_prices_not_negative")
        ),
        sa.CheckConstraint(
            "valid_until IS NULL OR valid_until > valid_from", name=op.f("ck_service_pricing_validity_in_order")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_service_pricing_service_id_services"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_pricing")),
        sa.UniqueConstraint(
            "service_id",
            "vehicle_class",
            "valid_from",
            name=op.f("uq_service_pricing_service_id_vehicle_class_valid_from"),
        ),
    )
    with op.batch_alter_table("service_pricing", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_pricing_service_id"), ["service_id"], unique=False)

    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("email_verified", sa.DateTime(timezone=True), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=True),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("odoo_customer_id", sa.Integer(), nullable=True),
        sa.Column("role", USER_ROLE, server_default="CUSTOMER", nullable=False),
        sa.Column("workshop_id", sa.Uuid(), nullable=True),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("language", sa.String(length=2), server_default="de", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("stripe_customer_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(role IN ('WORKSHOP', 'DISPATCHER', 'JOCKEY')) = (workshop_id IS NOT NULL)",
            name=op.f("ck_users_workshop_by_role"),
        ),
        sa.CheckConstraint("email = lower(email) AND position('@' in email) > 1", name=op.f("ck_users_email_is_lower")),
        sa.CheckConstraint("language IN ('de', 'en')", name=op.f("ck_users_language_known")),
        sa.CheckConstraint("role = 'CUSTOMER' OR password_hash IS NOT NULL", name=op.f("ck_users_staff_has_password")),
        sa.ForeignKeyConstraint(
            ["workshop_id"], ["workshops.id"], name=op.f("fk_users_workshop_id_workshops"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.UniqueConstraint("odoo_customer_id", name=op.f("uq_users_odoo_customer_id")),
        sa.UniqueConstraint("stripe_customer_id", name=op.f("uq_users_stripe_customer_id")),
    )
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_users_workshop_id"), ["workshop_id"], unique=False)

    op.create_table(
        "workshop_capacity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workshop_id", sa.Uuid(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("max_bookings", sa.Integer(), server_default="20", nullable=False),
        sa.Column("current_bookings", sa.Integer(), server_default="0", nullable=False),
        sa.Column("is_holiday", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_closed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "current_bookings BETWEEN 0 AND max_bookings", name=op.f("ck_workshop_capacity_within_maximum")
        ),
        sa.ForeignKeyConstraint(
            ["workshop_id"],
            ["workshops.id"],
            name=op.f("fk_workshop_capacity_workshop_id_workshops"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workshop_capacity")),
        sa.UniqueConstraint("workshop_id", "date", name=op.f("uq_workshop_capacity_workshop_id_date")),
    )
    with op.batch_alter_table("workshop_capacity", schema=None) as batch_op:
        batch_op.create_index("ix_workshop_capacity_date", ["date"], unique=False)

    op.create_table(
        "addresses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.String(length=5), nullable=False),
        sa.Column("city", sa.String(length=120), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("postal_code ~ '^[0-9]{5}$'", name=op.f("ck_addresses_postal_code_form")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_addresses_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
    )
    with op.batch_alter_table("addresses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_addresses_user_id"), ["user_id"], unique=False)
        batch_op.create_index("uq_addresses_default", ["user_id"], unique=True, postgresql_where=sa.text("is_default"))

    op.create_table(
        "audit_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("entity_type", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("request_id", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["actor_user_id"], ["users.id"], name=op.f("fk_audit_log_actor_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_log_actor_user_id"), ["actor_user_id"], unique=False)
        batch_op.create_index("ix_audit_log_at", ["at"], unique=False)
        batch_op.create_index("ix_audit_log_entity_type_entity_id_at", ["entity_type", "entity_id", "at"], unique=False)

    op.create_table(
        "failed_operations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("operation", sa.String(length=120), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("stack_trace", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Uuid(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(resolved_at IS NULL) = (resolution IS NULL)", name=op.f("ck_failed_operations_resolved_with_note")
        ),
        sa.ForeignKeyConstraint(
            ["resolved_by"], ["users.id"], name=op.f("fk_failed_operations_resolved_by_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_operations")),
    )
    with op.batch_alter_table("failed_operations", schema=None) as batch_op:
        batch_op.create_index("ix_failed_operations_created_at", ["created_at"], unique=False)
        batch_op.create_index(
            "ix_failed_operations_open", ["created_at"], unique=False, postgresql_where=sa.text("resolved_at IS NULL")
        )
        batch_op.create_index("ix_failed_operations_operation", ["operation"], unique=False)
        batch_op.create_index(batch_op.f("ix_failed_operations_resolved_by"), ["resolved_by"], unique=False)

    op.create_table(
        "jockeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workshop_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=40), nullable=True),
        sa.Column("status", JOCKEY_STATUS, server_default="ACTIVE", nullable=False),
        sa.Column("current_lat", sa.Float(), nullable=True),
        sa.Column("current_lng", sa.Float(), nullable=True),
        sa.Column("last_location_update", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_jockeys_user_id_users"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["workshop_id"], ["workshops.id"], name=op.f("fk_jockeys_workshop_id_workshops"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jockeys")),
        sa.UniqueConstraint("email", name=op.f("uq_jockeys_email")),
        sa.UniqueConstraint("employee_id", name=op.f("uq_jockeys_employee_id")),
        sa.UniqueConstraint("user_id", name=op.f("uq_jockeys_user_id")),
    )
    with op.batch_alter_table("jockeys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_jockeys_status"), ["status"], unique=False)
        batch_op.create_index(batch_op.f("ix_jockeys_workshop_id"), ["workshop_id"], unique=False)

    op.create_table(
        "payment_methods",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("stripe_payment_method_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=30), nullable=False),
        sa.Column("card_brand", sa.String(length=30), nullable=True),
        sa.Column("card_last4", sa.String(length=4), nullable=True),
        sa.Column("card_exp_month", sa.Integer(), nullable=True),
        sa.Column("card_exp_year", sa.Integer(), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("detached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("NOT is_active OR detached_at IS NULL", name=op.f("ck_payment_methods_active_is_attached")),
        sa.CheckConstraint("is_active OR NOT is_default", name=op.f("ck_payment_methods_default_is_active")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_payment_methods_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_methods")),
        sa.UniqueConstraint("stripe_payment_method_id", name=op.f("uq_payment_methods_stripe_payment_method_id")),
    )
    with op.batch_alter_table("payment_methods", schema=None) as batch_op:
        batch_op.create_index(
            "ix_payment_methods_to_detach",
            ["updated_at"],
            unique=False,
            postgresql_where=sa.text("NOT is_active AND detached_at IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_payment_methods_user_id"), ["user_id"], unique=False)
        batch_op.create_index(
            "uq_payment_methods_default", ["user_id"], unique=True, postgresql_where=sa.text("is_default")
        )

    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", PAYMENT_PURPOSE, nullable=False),
        sa.Column("purpose_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="1", nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("capture_method", CAPTURE_METHOD, server_default="AUTOMATIC", nullable=False),
        sa.Column("state", PAYMENT_STATE, server_default="CREATED", nullable=False),
        sa.Column("authorized_cents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("captured_cents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refunded_cents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("stripe_checkout_session_id", sa.String(length=120), nullable=True),
        sa.Column("stripe_payment_intent_id", sa.String(length=64), nullable=True),
        sa.Column("stripe_charge_id", sa.String(length=64), nullable=True),
        sa.Column("checkout_url", sa.Text(), nullable=True),
        sa.Column("method_label", sa.String(length=60), nullable=True),
        sa.Column("failure_code", sa.String(length=80), nullable=True),
        sa.Column("failure_reference", sa.String(length=64), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checkout_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("capture_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(state = 'SUCCEEDED') = (succeeded_at IS NOT NULL)", name=op.f("ck_payments_success_has_time")
        ),
        sa.CheckConstraint("amount_cents > 0", name=op.f("ck_payments_amount_positive")),
        sa.CheckConstraint(
            "authorized_cents BETWEEN 0 AND amount_cents", name=op.f("ck_payments_authorized_within_amount")
        ),
        sa.CheckConstraint(
            "captured_cents BETWEEN 0 AND amount_cents", name=op.f("ck_payments_captured_within_amount")
        ),
        sa.CheckConstraint(
            "refunded_cents BETWEEN 0 AND captured_cents", name=op.f("ck_payments_refunded_within_captured")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_payments_user_id_users"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("purpose", "purpose_id", "attempt", name=op.f("uq_payments_purpose_purpose_id_attempt")),
        sa.UniqueConstraint("stripe_charge_id", name=op.f("uq_payments_stripe_charge_id")),
        sa.UniqueConstraint("stripe_checkout_session_id", name=op.f("uq_payments_stripe_checkout_session_id")),
        sa.UniqueConstraint("stripe_payment_intent_id", name=op.f("uq_payments_stripe_payment_intent_id")),
    )
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.create_index("ix_payments_created_at", ["created_at"], unique=False)
        batch_op.create_index(
            "ix_payments_open",
            ["created_at"],
            unique=False,
            postgresql_where=sa.text("state IN ('CREATED', 'OPEN', 'PROCESSING', 'AUTHORIZED')"),
        )
        batch_op.create_index(
            "ix_payments_to_close",
            ["updated_at"],
            unique=False,
            postgresql_where=sa.text("state = 'CANCELLED' AND (checkout_url IS NOT NULL OR authorized_cents > 0)"),
        )
        batch_op.create_index(batch_op.f("ix_payments_user_id"), ["user_id"], unique=False)

    op.create_table(
        "time_slots",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workshop_id", sa.Uuid(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("max_bookings", sa.Integer(), server_default="1", nullable=False),
        sa.Column("current_bookings", sa.Integer(), server_default="0", nullable=False),
        sa.Column("is_available", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("jockey_minutes_room", sa.Integer(), server_default="0", nullable=False),
        sa.Column("jockey_minutes_taken", sa.Integer(), server_default="0", nullable=False),
        sa.Column("jockey_minutes_short", sa.Integer(), server_default="0", nullable=False),
        sa.Column("longest_trip_minutes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("current_bookings BETWEEN 0 AND max_bookings", name=op.f("ck_time_slots_within_maximum")),
        sa.CheckConstraint("end_time > start_time", name=op.f("ck_time_slots_ends_after_start")),
        sa.CheckConstraint(
            "jockey_minutes_room >= 0 AND jockey_minutes_short >= 0 AND longest_trip_minutes >= 0",
            name=op.f("ck_time_slots_jockey_minutes_not_negative"),
        ),
        sa.CheckConstraint(
            "jockey_minutes_taken BETWEEN 0 AND jockey_minutes_room + jockey_minutes_short",
            name=op.f("ck_time_slots_jockey_minutes_within"),
        ),
        sa.ForeignKeyConstraint(
            ["workshop_id", "service_date"],
            ["workshop_capacity.workshop_id", "workshop_capacity.date"],
            name="fk_time_slots_day",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["workshop_id"], ["workshops.id"], name=op.f("fk_time_slots_workshop_id_workshops"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_time_slots")),
        sa.UniqueConstraint("workshop_id", "start_time", name=op.f("uq_time_slots_workshop_id_start_time")),
    )
    with op.batch_alter_table("time_slots", schema=None) as batch_op:
        batch_op.create_index("ix_time_slots_start_time", ["start_time"], unique=False)
        batch_op.create_index("ix_time_slots_workshop_id_service_date", ["workshop_id", "service_date"], unique=False)
        batch_op.create_index(
            "ix_time_slots_workshop_id_start_time_is_available",
            ["workshop_id", "start_time", "is_available"],
            unique=False,
        )

    op.create_table(
        "user_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_agent", sa.String(length=200), nullable=True),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_user_sessions_expires_after_start")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_sessions_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_user_sessions_token_hash")),
    )
    with op.batch_alter_table("user_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_user_sessions_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_user_sessions_user_id"), ["user_id"], unique=False)

    op.create_table(
        "vehicles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("license_plate", sa.String(length=12), nullable=False),
        sa.Column("vin", sa.String(length=17), nullable=True),
        sa.Column("make", sa.String(length=60), nullable=False),
        sa.Column("model", sa.String(length=60), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("first_registration", sa.DateTime(timezone=True), nullable=True),
        sa.Column("vehicle_class", VEHICLE_CLASS, nullable=False),
        sa.Column("registration_document", sa.Text(), nullable=True),
        sa.Column("is_primary", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("vin IS NULL OR vin ~ '^[A-HJ-NPR-Z0-9]{17}$'", name=op.f("ck_vehicles_vin_form")),
        sa.CheckConstraint("is_active OR NOT is_primary", name=op.f("ck_vehicles_primary_is_active")),
        sa.CheckConstraint("year BETWEEN 1900 AND 2100", name=op.f("ck_vehicles_year_plausible")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_vehicles_user_id_users"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vehicles")),
        sa.UniqueConstraint("vin", name=op.f("uq_vehicles_vin")),
    )
    with op.batch_alter_table("vehicles", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vehicles_license_plate"), ["license_plate"], unique=False)
        batch_op.create_index(batch_op.f("ix_vehicles_user_id"), ["user_id"], unique=False)
        batch_op.create_index(
            "uq_vehicles_active_plate", ["user_id", "license_plate"], unique=True, postgresql_where=sa.text("is_active")
        )
        batch_op.create_index("uq_vehicles_primary", ["user_id"], unique=True, postgresql_where=sa.text("is_primary"))

    op.create_table(
        "booking_drafts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("postal_code", sa.String(length=5), nullable=True),
        sa.Column("nearby_postal_code", sa.String(length=5), nullable=True),
        sa.Column("vehicle_class", VEHICLE_CLASS, nullable=True),
        sa.Column("vehicle_id", sa.Uuid(), nullable=True),
        sa.Column(
            "car_details",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("service", SERVICE_TYPE, nullable=True),
        sa.Column("include_concierge", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=True),
        sa.Column("return_slot_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=True),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("city", sa.String(length=120), nullable=True),
        sa.Column("standing_limit_cents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("early_start", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("shown_total_cents", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["return_slot_id"],
            ["time_slots.id"],
            name=op.f("fk_booking_drafts_return_slot_id_time_slots"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"], ["time_slots.id"], name=op.f("fk_booking_drafts_slot_id_time_slots"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_booking_drafts_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["vehicle_id"], ["vehicles.id"], name=op.f("fk_booking_drafts_vehicle_id_vehicles"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_drafts")),
    )
    with op.batch_alter_table("booking_drafts", schema=None) as batch_op:
        batch_op.create_index("ix_booking_drafts_browser_hash", ["browser_hash"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_drafts_return_slot_id"), ["return_slot_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_drafts_slot_id"), ["slot_id"], unique=False)
        batch_op.create_index("ix_booking_drafts_updated_at", ["updated_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_drafts_user_id"), ["user_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_drafts_vehicle_id"), ["vehicle_id"], unique=False)

    op.create_table(
        "bookings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "number",
            sa.String(length=20),
            server_default=sa.text(
                "'BK-' || to_char(now() AT TIME ZONE 'Europe/Berlin', 'YYYY') || '-' || to_char(nextval('booking_number_seq'), 'FM999999000000')"
            ),
            nullable=False,
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("workshop_id", sa.Uuid(), nullable=False),
        sa.Column("vehicle_id", sa.Uuid(), nullable=True),
        sa.Column("draft_id", sa.Uuid(), nullable=True),
        sa.Column("service", SERVICE_TYPE, nullable=False),
        sa.Column("vehicle_class", VEHICLE_CLASS, nullable=False),
        sa.Column("include_concierge", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "car_details",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("base_price", sa.Integer(), nullable=False),
        sa.Column("concierge_price", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total_price", sa.Integer(), nullable=False),
        sa.Column("standing_limit_cents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("standing_limit_used_cents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("terms_version", sa.String(length=20), nullable=False),
        sa.Column("early_start_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("return_slot_id", sa.Uuid(), nullable=True),
        sa.Column("pickup_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("estimated_return_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actual_return_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("places_released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customer_name", sa.String(length=120), nullable=False),
        sa.Column("customer_phone", sa.String(length=32), nullable=False),
        sa.Column("pickup_address", sa.Text(), nullable=False),
        sa.Column("pickup_postal_code", sa.String(length=5), nullable=False),
        sa.Column("pickup_city", sa.String(length=120), nullable=False),
        sa.Column("pickup_lat", sa.Float(), nullable=True),
        sa.Column("pickup_lng", sa.Float(), nullable=True),
        sa.Column("status", BOOKING_STATUS, server_default="PENDING", nullable=False),
        sa.Column("payment_status", PAYMENT_STATUS, server_default="PENDING", nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stripe_payment_intent_id", sa.String(length=64), nullable=True),
        sa.Column("payment_error", sa.Text(), nullable=True),
        sa.Column("odoo_invoice_id", sa.Integer(), nullable=True),
        sa.Column("concierge_dropped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mileage_km", sa.Integer(), nullable=True),
        sa.Column("workshop_checkin_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("work_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("service_completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancellation_reason", sa.Text(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("no_show_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("new_date_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(payment_status IN ('PAID', 'REFUNDED')) = (paid_at IS NOT NULL)", name=op.f("ck_bookings_paid_has_time")
        ),
        sa.CheckConstraint(
            "(status = 'CANCELLED') = (cancelled_at IS NOT NULL)", name=op.f("ck_bookings_cancelled_has_time")
        ),
        sa.CheckConstraint(
            "(status = 'COMPLETED') = (completed_at IS NOT NULL)", name=op.f("ck_bookings_completed_has_time")
        ),
        sa.CheckConstraint(
            "(status = 'PENDING') = (hold_expires_at IS NOT NULL)", name=op.f("ck_bookings_hold_only_while_pending")
        ),
        sa.CheckConstraint("pickup_postal_code ~ '^[0-9]{5}$'", name=op.f("ck_bookings_postal_code_form")),
        sa.CheckConstraint(
            "status = 'CANCELLED' OR places_released_at IS NULL", name=op.f("ck_bookings_live_keeps_places")
        ),
        sa.CheckConstraint(
            "status IN ('PENDING', 'CANCELLED') OR payment_status IN ('PAID', 'REFUNDED')",
            name=op.f("ck_bookings_work_only_when_paid"),
        ),
        sa.CheckConstraint(
            "NOT include_concierge OR return_slot_id IS NOT NULL", name=op.f("ck_bookings_concierge_has_return")
        ),
        sa.CheckConstraint("base_price > 0 AND concierge_price >= 0", name=op.f("ck_bookings_prices_not_negative")),
        sa.CheckConstraint(
            "include_concierge OR concierge_price = 0", name=op.f("ck_bookings_concierge_price_only_with_concierge")
        ),
        sa.CheckConstraint(
            "standing_limit_used_cents BETWEEN 0 AND standing_limit_cents", name=op.f("ck_bookings_standing_limit_kept")
        ),
        sa.CheckConstraint("total_price = base_price + concierge_price", name=op.f("ck_bookings_total_is_sum")),
        sa.ForeignKeyConstraint(
            ["return_slot_id"],
            ["time_slots.id"],
            name=op.f("fk_bookings_return_slot_id_time_slots"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"], ["time_slots.id"], name=op.f("fk_bookings_slot_id_time_slots"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_bookings_user_id_users"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["vehicle_id"], ["vehicles.id"], name=op.f("fk_bookings_vehicle_id_vehicles"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["workshop_id"], ["workshops.id"], name=op.f("fk_bookings_workshop_id_workshops"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
        sa.UniqueConstraint("draft_id", name=op.f("uq_bookings_draft_id")),
        sa.UniqueConstraint("number", name=op.f("uq_bookings_number")),
        sa.UniqueConstraint("odoo_invoice_id", name=op.f("uq_bookings_odoo_invoice_id")),
        sa.UniqueConstraint("stripe_payment_intent_id", name=op.f("uq_bookings_stripe_payment_intent_id")),
    )
    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.create_index(
            "ix_bookings_hold_expires_at",
            ["hold_expires_at"],
            unique=False,
            postgresql_where=sa.text("status = 'PENDING'"),
        )
        batch_op.create_index(batch_op.f("ix_bookings_new_date_until"), ["new_date_until"], unique=False)
        batch_op.create_index(
            "ix_bookings_open",
            ["workshop_id", "pickup_time"],
            unique=False,
            postgresql_where=sa.text("status NOT IN ('COMPLETED', 'CANCELLED')"),
        )
        batch_op.create_index("ix_bookings_pickup_postal_code", ["pickup_postal_code"], unique=False)
        batch_op.create_index("ix_bookings_pickup_time", ["pickup_time"], unique=False)
        batch_op.create_index("ix_bookings_return_slot_id", ["return_slot_id"], unique=False)
        batch_op.create_index("ix_bookings_slot_id", ["slot_id"], unique=False)
        batch_op.create_index("ix_bookings_status", ["status"], unique=False)
        batch_op.create_index("ix_bookings_user_id_created_at", ["user_id", "created_at"], unique=False)
        batch_op.create_index("ix_bookings_vehicle_id", ["vehicle_id"], unique=False)
        batch_op.create_index("ix_bookings_workshop_id_pickup_time", ["workshop_id", "pickup_time"], unique=False)
        batch_op.create_index(
            "uq_bookings_live_hold", ["user_id"], unique=True, postgresql_where=sa.text("status = 'PENDING'")
        )

    op.create_table(
        "jockey_shifts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jockey_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("break_starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("break_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("jockey_id"), "="),
            (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
            using="gist",
            name="ex_jockey_shifts_overlap",
        ),
        sa.CheckConstraint(
            "(break_starts_at IS NULL) = (break_ends_at IS NULL) AND (break_starts_at IS NULL OR (starts_at <= break_starts_at AND break_starts_at < break_ends_at AND break_ends_at <= ends_at))",
            name=op.f("ck_jockey_shifts_break_inside_shift"),
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_jockey_shifts_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["jockey_id"], ["jockeys.id"], name=op.f("fk_jockey_shifts_jockey_id_jockeys"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jockey_shifts")),
    )
    with op.batch_alter_table("jockey_shifts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_jockey_shifts_jockey_id"), ["jockey_id"], unique=False)
        batch_op.create_index("ix_jockey_shifts_starts_at", ["starts_at"], unique=False)

    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=80), server_default="", nullable=False),
        sa.Column("state", REFUND_STATE, server_default="PENDING", nullable=False),
        sa.Column("stripe_refund_id", sa.String(length=64), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("key_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("failure_code", sa.String(length=80), nullable=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount_cents > 0", name=op.f("ck_refunds_amount_positive")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id_payments"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("payment_id", "reason", "reference", name=op.f("uq_refunds_payment_id_reason_reference")),
        sa.UniqueConstraint("stripe_refund_id", name=op.f("uq_refunds_stripe_refund_id")),
    )
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.create_index(
            "ix_refunds_open", ["created_at"], unique=False, postgresql_where=sa.text("state = 'PENDING'")
        )
        batch_op.create_index(batch_op.f("ix_refunds_payment_id"), ["payment_id"], unique=False)

    op.create_table(
        "booking_moves",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("from_slot_id", sa.Uuid(), nullable=False),
        sa.Column("to_slot_id", sa.Uuid(), nullable=False),
        sa.Column("to_return_slot_id", sa.Uuid(), nullable=True),
        sa.Column("fee_cents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", MOVE_STATE, nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(state = 'DONE') = (moved_at IS NOT NULL)", name=op.f("ck_booking_moves_done_has_time")),
        sa.CheckConstraint("fee_cents >= 0", name=op.f("ck_booking_moves_fee_not_negative")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_booking_moves_booking_id_bookings"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["from_slot_id"],
            ["time_slots.id"],
            name=op.f("fk_booking_moves_from_slot_id_time_slots"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["to_return_slot_id"],
            ["time_slots.id"],
            name=op.f("fk_booking_moves_to_return_slot_id_time_slots"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["to_slot_id"], ["time_slots.id"], name=op.f("fk_booking_moves_to_slot_id_time_slots"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_moves")),
    )
    with op.batch_alter_table("booking_moves", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_booking_moves_booking_id"), ["booking_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_moves_from_slot_id"), ["from_slot_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_moves_to_return_slot_id"), ["to_return_slot_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_moves_to_slot_id"), ["to_slot_id"], unique=False)
        batch_op.create_index(
            "uq_booking_moves_awaiting", ["booking_id"], unique=True, postgresql_where=sa.text("state = 'AWAITING_FEE'")
        )

    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "number",
            sa.String(length=20),
            server_default=sa.text("'BL-' || to_char(nextval('document_number_seq'), 'FM99999990000000')"),
            nullable=False,
        ),
        sa.Column("kind", DOCUMENT_KIND, nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("purpose_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=80), server_default="", nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("gross_cents", sa.Integer(), nullable=False),
        sa.Column("vat_rate_percent", sa.Integer(), nullable=False),
        sa.Column("vat_cents", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("gross_cents > 0", name=op.f("ck_documents_gross_positive")),
        sa.CheckConstraint("vat_cents BETWEEN 0 AND gross_cents", name=op.f("ck_documents_vat_within_gross")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_documents_booking_id_bookings"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_documents_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint("kind", "purpose_id", "reference", name=op.f("uq_documents_kind_purpose_id_reference")),
        sa.UniqueConstraint("number", name=op.f("uq_documents_number")),
    )
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.create_index("ix_documents_booking_id", ["booking_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_documents_user_id"), ["user_id"], unique=False)

    op.create_table(
        "extensions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("total_amount", sa.Integer(), nullable=False),
        sa.Column("approved_amount_cents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("captured_amount_cents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("images", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("videos", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("status", EXTENSION_STATUS, server_default="PENDING", nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("declined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decline_reason", sa.Text(), nullable=True),
        sa.Column("decision_right", DECISION_RIGHT, nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decision_channel", sa.String(length=40), nullable=True),
        sa.Column("authorization_status", AUTHORIZATION_STATUS, server_default="NONE", nullable=False),
        sa.Column("stripe_payment_intent_id", sa.String(length=64), nullable=True),
        sa.Column("payment_captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("odoo_invoice_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(status = 'APPROVED') = (approved_amount_cents > 0)", name=op.f("ck_extensions_approved_has_amount")
        ),
        sa.CheckConstraint(
            "(status = 'APPROVED') = (approved_at IS NOT NULL)", name=op.f("ck_extensions_approved_has_time")
        ),
        sa.CheckConstraint(
            "(status = 'DECLINED') = (declined_at IS NOT NULL)", name=op.f("ck_extensions_declined_has_time")
        ),
        sa.CheckConstraint(
            "status <> 'APPROVED' OR decision_right IS NOT NULL", name=op.f("ck_extensions_approved_by_right")
        ),
        sa.CheckConstraint(
            "approved_amount_cents BETWEEN 0 AND total_amount AND captured_amount_cents BETWEEN 0 AND approved_amount_cents",
            name=op.f("ck_extensions_captured_within_approved"),
        ),
        sa.CheckConstraint("total_amount > 0", name=op.f("ck_extensions_total_positive")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_extensions_booking_id_bookings"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["users.id"], name=op.f("fk_extensions_decided_by_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extensions")),
        sa.UniqueConstraint("odoo_invoice_id", name=op.f("uq_extensions_odoo_invoice_id")),
        sa.UniqueConstraint("stripe_payment_intent_id", name=op.f("uq_extensions_stripe_payment_intent_id")),
    )
    with op.batch_alter_table("extensions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_extensions_booking_id"), ["booking_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_extensions_decided_by"), ["decided_by"], unique=False)
        batch_op.create_index(batch_op.f("ix_extensions_status"), ["status"], unique=False)

    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("kind", LEDGER_KIND, nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("provider_reference", sa.String(length=120), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(kind = 'CHARGE') = (refund_id IS NULL)", name=op.f("ck_ledger_entries_refund_named")),
        sa.CheckConstraint("amount_cents > 0", name=op.f("ck_ledger_entries_amount_positive")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_ledger_entries_payment_id_payments"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["refunds.id"], name=op.f("fk_ledger_entries_refund_id_refunds"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("kind", "provider_reference", name=op.f("uq_ledger_entries_kind_provider_reference")),
    )
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_entries_payment_id"), ["payment_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_entries_refund_id"), ["refund_id"], unique=False)

    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", NOTIFICATION_KIND, nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("dedupe_key", sa.String(length=160), nullable=False),
        sa.Column(
            "context", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("status", NOTIFICATION_STATUS, server_default="QUEUED", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("body_text", sa.Text(), nullable=True),
        sa.Column("body_html", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(status IN ('SENT', 'KEPT')) = (sent_at IS NOT NULL)", name=op.f("ck_notifications_sent_has_time")
        ),
        sa.CheckConstraint("language IN ('de', 'en')", name=op.f("ck_notifications_language_known")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_notifications_booking_id_bookings"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_notifications_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_notifications_dedupe_key")),
    )
    with op.batch_alter_table("notifications", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notifications_booking_id"), ["booking_id"], unique=False)
        batch_op.create_index(
            "ix_notifications_open",
            ["created_at"],
            unique=False,
            postgresql_where=sa.text("status IN ('QUEUED', 'SENDING')"),
        )
        batch_op.create_index("ix_notifications_user_id_created_at", ["user_id", "created_at"], unique=False)

    op.create_table(
        "ronja_reservations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("ronja_id", sa.Uuid(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("ronja_id"), "="),
            (sa.column("during"), "&&"),
            deferrable="True",
            initially="IMMEDIATE",
            using="gist",
            name="ex_ronja_reservations_overlap",
        ),
        sa.CheckConstraint("NOT isempty(during)", name=op.f("ck_ronja_reservations_during_not_empty")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_ronja_reservations_booking_id_bookings"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["ronja_id"],
            ["ronja_vehicles.id"],
            name=op.f("fk_ronja_reservations_ronja_id_ronja_vehicles"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ronja_reservations")),
        sa.UniqueConstraint("booking_id", name=op.f("uq_ronja_reservations_booking_id")),
    )
    with op.batch_alter_table("ronja_reservations", schema=None) as batch_op:
        batch_op.create_index("ix_ronja_reservations_ronja_id", ["ronja_id"], unique=False)

    op.create_table(
        "trips",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("type", ASSIGNMENT_TYPE, nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.String(length=5), nullable=False),
        sa.Column("city", sa.String(length=120), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lng", sa.Float(), nullable=False),
        sa.Column("travel_minutes", sa.Integer(), nullable=False),
        sa.Column("jockey_minutes", sa.Integer(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("travel_minutes >= 0 AND jockey_minutes > 0", name=op.f("ck_trips_minutes_positive")),
        sa.CheckConstraint("window_end > window_start", name=op.f("ck_trips_window_in_order")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_trips_booking_id_bookings"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"], ["time_slots.id"], name=op.f("fk_trips_slot_id_time_slots"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trips")),
    )
    with op.batch_alter_table("trips", schema=None) as batch_op:
        batch_op.create_index("ix_trips_booking_id", ["booking_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_trips_slot_id"), ["slot_id"], unique=False)
        batch_op.create_index("ix_trips_window_start", ["window_start"], unique=False)
        batch_op.create_index(
            "uq_trips_live", ["booking_id", "type"], unique=True, postgresql_where=sa.text("released_at IS NULL")
        )

    op.create_table(
        "jockey_assignments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("trip_id", sa.Uuid(), nullable=False),
        sa.Column("jockey_id", sa.Uuid(), nullable=False),
        sa.Column("vehicle_id", sa.Uuid(), nullable=False),
        sa.Column("type", ASSIGNMENT_TYPE, server_default="PICKUP", nullable=False),
        sa.Column("scheduled_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("departed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", ASSIGNMENT_STATUS, server_default="ASSIGNED", nullable=False),
        sa.Column("cancel_reason", ASSIGNMENT_CANCEL_REASON, nullable=True),
        sa.Column("conflict", sa.String(length=60), nullable=True),
        sa.Column("handover", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("moved_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(status = 'CANCELLED') = (cancel_reason IS NOT NULL)",
            name=op.f("ck_jockey_assignments_cancelled_has_reason"),
        ),
        sa.CheckConstraint(
            "(status = 'COMPLETED') = (completed_at IS NOT NULL)", name=op.f("ck_jockey_assignments_completed_has_time")
        ),
        sa.CheckConstraint(
            "type = 'PICKUP' AND status NOT IN ('EN_ROUTE_TO_CUSTOMER', 'AT_RETURN_LOCATION') OR type = 'RETURN' AND status NOT IN ('EN_ROUTE_TO_PICKUP', 'AT_PICKUP_LOCATION', 'IN_TRANSIT_TO_WORKSHOP', 'AT_WORKSHOP')",
            name=op.f("ck_jockey_assignments_status_fits_type"),
        ),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_jockey_assignments_booking_id_bookings"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["jockey_id"], ["jockeys.id"], name=op.f("fk_jockey_assignments_jockey_id_jockeys"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["moved_by"], ["users.id"], name=op.f("fk_jockey_assignments_moved_by_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["trip_id"], ["trips.id"], name=op.f("fk_jockey_assignments_trip_id_trips"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["vehicle_id"],
            ["ronja_vehicles.id"],
            name=op.f("fk_jockey_assignments_vehicle_id_ronja_vehicles"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jockey_assignments")),
    )
    with op.batch_alter_table("jockey_assignments", schema=None) as batch_op:
        batch_op.create_index("ix_jockey_assignments_booking_id", ["booking_id"], unique=False)
        batch_op.create_index("ix_jockey_assignments_jockey_id", ["jockey_id"], unique=False)
        batch_op.create_index(
            "ix_jockey_assignments_jockey_id_scheduled_time", ["jockey_id", "scheduled_time"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_jockey_assignments_moved_by"), ["moved_by"], unique=False)
        batch_op.create_index("ix_jockey_assignments_scheduled_time", ["scheduled_time"], unique=False)
        batch_op.create_index("ix_jockey_assignments_trip_id", ["trip_id"], unique=False)
        batch_op.create_index("ix_jockey_assignments_vehicle_id", ["vehicle_id"], unique=False)
        batch_op.create_index(
            "uq_jockey_assignments_open",
            ["booking_id", "type"],
            unique=True,
            postgresql_where=sa.text("status NOT IN ('COMPLETED', 'CANCELLED')"),
        )

    op.create_table(
        "trip_minutes",
        sa.Column("trip_id", sa.Uuid(), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_trip_minutes_minutes_positive")),
        sa.ForeignKeyConstraint(
            ["slot_id"], ["time_slots.id"], name=op.f("fk_trip_minutes_slot_id_time_slots"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["trip_id"], ["trips.id"], name=op.f("fk_trip_minutes_trip_id_trips"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trip_id", "slot_id", name=op.f("pk_trip_minutes")),
    )
    with op.batch_alter_table("trip_minutes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trip_minutes_slot_id"), ["slot_id"], unique=False)

    op.create_table(
        "jockey_busy_ranges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("jockey_id", sa.Uuid(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("jockey_id"), "="),
            (sa.column("during"), "&&"),
            deferrable="True",
            initially="IMMEDIATE",
            using="gist",
            name="ex_jockey_busy_ranges_overlap",
        ),
        sa.CheckConstraint("NOT isempty(during)", name=op.f("ck_jockey_busy_ranges_during_not_empty")),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["jockey_assignments.id"],
            name=op.f("fk_jockey_busy_ranges_assignment_id_jockey_assignments"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["jockey_id"], ["jockeys.id"], name=op.f("fk_jockey_busy_ranges_jockey_id_jockeys"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jockey_busy_ranges")),
        sa.UniqueConstraint("assignment_id", name=op.f("uq_jockey_busy_ranges_assignment_id")),
    )
    with op.batch_alter_table("jockey_busy_ranges", schema=None) as batch_op:
        batch_op.create_index("ix_jockey_busy_ranges_jockey_id", ["jockey_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("jockey_busy_ranges", schema=None) as batch_op:
        batch_op.drop_index("ix_jockey_busy_ranges_jockey_id")

    op.drop_table("jockey_busy_ranges")
    with op.batch_alter_table("trip_minutes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_trip_minutes_slot_id"))

    op.drop_table("trip_minutes")
    with op.batch_alter_table("jockey_assignments", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_jockey_assignments_open", postgresql_where=sa.text("status NOT IN ('COMPLETED', 'CANCELLED')")
        )
        batch_op.drop_index("ix_jockey_assignments_vehicle_id")
        batch_op.drop_index("ix_jockey_assignments_trip_id")
        batch_op.drop_index("ix_jockey_assignments_scheduled_time")
        batch_op.drop_index(batch_op.f("ix_jockey_assignments_moved_by"))
        batch_op.drop_index("ix_jockey_assignments_jockey_id_scheduled_time")
        batch_op.drop_index("ix_jockey_assignments_jockey_id")
        batch_op.drop_index("ix_jockey_assignments_booking_id")

    op.drop_table("jockey_assignments")
    with op.batch_alter_table("trips", schema=None) as batch_op:
        batch_op.drop_index("uq_trips_live", postgresql_where=sa.text("released_at IS NULL"))
        batch_op.drop_index("ix_trips_window_start")
        batch_op.drop_index(batch_op.f("ix_trips_slot_id"))
        batch_op.drop_index("ix_trips_booking_id")

    op.drop_table("trips")
    with op.batch_alter_table("ronja_reservations", schema=None) as batch_op:
        batch_op.drop_index("ix_ronja_reservations_ronja_id")

    op.drop_table("ronja_reservations")
    with op.batch_alter_table("notifications", schema=None) as batch_op:
        batch_op.drop_index("ix_notifications_user_id_created_at")
        batch_op.drop_index("ix_notifications_open", postgresql_where=sa.text("status IN ('QUEUED', 'SENDING')"))
        batch_op.drop_index(batch_op.f("ix_notifications_booking_id"))

    op.drop_table("notifications")
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_entries_refund_id"))
        batch_op.drop_index(batch_op.f("ix_ledger_entries_payment_id"))

    op.drop_table("ledger_entries")
    with op.batch_alter_table("extensions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_extensions_status"))
        batch_op.drop_index(batch_op.f("ix_extensions_decided_by"))
        batch_op.drop_index(batch_op.f("ix_extensions_booking_id"))

    op.drop_table("extensions")
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_documents_user_id"))
        batch_op.drop_index("ix_documents_booking_id")

    op.drop_table("documents")
    with op.batch_alter_table("booking_moves", schema=None) as batch_op:
        batch_op.drop_index("uq_booking_moves_awaiting", postgresql_where=sa.text("state = 'AWAITING_FEE'"))
        batch_op.drop_index(batch_op.f("ix_booking_moves_to_slot_id"))
        batch_op.drop_index(batch_op.f("ix_booking_moves_to_return_slot_id"))
        batch_op.drop_index(batch_op.f("ix_booking_moves_from_slot_id"))
        batch_op.drop_index(batch_op.f("ix_booking_moves_booking_id"))

    op.drop_table("booking_moves")
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_refunds_payment_id"))
        batch_op.drop_index("ix_refunds_open", postgresql_where=sa.text("state = 'PENDING'"))

    op.drop_table("refunds")
    with op.batch_alter_table("jockey_shifts", schema=None) as batch_op:
        batch_op.drop_index("ix_jockey_shifts_starts_at")
        batch_op.drop_index(batch_op.f("ix_jockey_shifts_jockey_id"))

    op.drop_table("jockey_shifts")
    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.drop_index("uq_bookings_live_hold", postgresql_where=sa.text("status = 'PENDING'"))
        batch_op.drop_index("ix_bookings_workshop_id_pickup_time")
        batch_op.drop_index("ix_bookings_vehicle_id")
        batch_op.drop_index("ix_bookings_user_id_created_at")
        batch_op.drop_index("ix_bookings_status")
        batch_op.drop_index("ix_bookings_slot_id")
        batch_op.drop_index("ix_bookings_return_slot_id")
        batch_op.drop_index("ix_bookings_pickup_time")
        batch_op.drop_index("ix_bookings_pickup_postal_code")
        batch_op.drop_index("ix_bookings_open", postgresql_where=sa.text("status NOT IN ('COMPLETED', 'CANCELLED')"))
        batch_op.drop_index(batch_op.f("ix_bookings_new_date_until"))
        batch_op.drop_index("ix_bookings_hold_expires_at", postgresql_where=sa.text("status = 'PENDING'"))

    op.drop_table("bookings")
    with op.batch_alter_table("booking_drafts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_booking_drafts_vehicle_id"))
        batch_op.drop_index(batch_op.f("ix_booking_drafts_user_id"))
        batch_op.drop_index("ix_booking_drafts_updated_at")
        batch_op.drop_index(batch_op.f("ix_booking_drafts_slot_id"))
        batch_op.drop_index(batch_op.f("ix_booking_drafts_return_slot_id"))
        batch_op.drop_index("ix_booking_drafts_browser_hash")

    op.drop_table("booking_drafts")
    with op.batch_alter_table("vehicles", schema=None) as batch_op:
        batch_op.drop_index("uq_vehicles_primary", postgresql_where=sa.text("is_primary"))
        batch_op.drop_index("uq_vehicles_active_plate", postgresql_where=sa.text("is_active"))
        batch_op.drop_index(batch_op.f("ix_vehicles_user_id"))
        batch_op.drop_index(batch_op.f("ix_vehicles_license_plate"))

    op.drop_table("vehicles")
    with op.batch_alter_table("user_sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_user_sessions_user_id"))
        batch_op.drop_index(batch_op.f("ix_user_sessions_expires_at"))

    op.drop_table("user_sessions")
    with op.batch_alter_table("time_slots", schema=None) as batch_op:
        batch_op.drop_index("ix_time_slots_workshop_id_start_time_is_available")
        batch_op.drop_index("ix_time_slots_workshop_id_service_date")
        batch_op.drop_index("ix_time_slots_start_time")

    op.drop_table("time_slots")
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payments_user_id"))
        batch_op.drop_index(
            "ix_payments_to_close",
            postgresql_where=sa.text("state = 'CANCELLED' AND (checkout_url IS NOT NULL OR authorized_cents > 0)"),
        )
        batch_op.drop_index(
            "ix_payments_open", postgresql_where=sa.text("state IN ('CREATED', 'OPEN', 'PROCESSING', 'AUTHORIZED')")
        )
        batch_op.drop_index("ix_payments_created_at")

    op.drop_table("payments")
    with op.batch_alter_table("payment_methods", schema=None) as batch_op:
        batch_op.drop_index("uq_payment_methods_default", postgresql_where=sa.text("is_default"))
        batch_op.drop_index(batch_op.f("ix_payment_methods_user_id"))
        batch_op.drop_index(
            "ix_payment_methods_to_detach", postgresql_where=sa.text("NOT is_active AND detached_at IS NULL")
        )

    op.drop_table("payment_methods")
    with op.batch_alter_table("jockeys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_jockeys_workshop_id"))
        batch_op.drop_index(batch_op.f("ix_jockeys_status"))

    op.drop_table("jockeys")
    with op.batch_alter_table("failed_operations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_failed_operations_resolved_by"))
        batch_op.drop_index("ix_failed_operations_operation")
        batch_op.drop_index("ix_failed_operations_open", postgresql_where=sa.text("resolved_at IS NULL"))
        batch_op.drop_index("ix_failed_operations_created_at")

    op.drop_table("failed_operations")
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_log_entity_type_entity_id_at")
        batch_op.drop_index("ix_audit_log_at")
        batch_op.drop_index(batch_op.f("ix_audit_log_actor_user_id"))

    op.drop_table("audit_log")
    with op.batch_alter_table("addresses", schema=None) as batch_op:
        batch_op.drop_index("uq_addresses_default", postgresql_where=sa.text("is_default"))
        batch_op.drop_index(batch_op.f("ix_addresses_user_id"))

    op.drop_table("addresses")
    with op.batch_alter_table("workshop_capacity", schema=None) as batch_op:
        batch_op.drop_index("ix_workshop_capacity_date")

    op.drop_table("workshop_capacity")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_users_workshop_id"))

    op.drop_table("users")
    with op.batch_alter_table("service_pricing", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_service_pricing_service_id"))

    op.drop_table("service_pricing")
    with op.batch_alter_table("ronja_vehicles", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ronja_vehicles_workshop_id"))
        batch_op.drop_index(batch_op.f("ix_ronja_vehicles_status"))
        batch_op.drop_index(batch_op.f("ix_ronja_vehicles_next_service_due"))

    op.drop_table("ronja_vehicles")
    with op.batch_alter_table("workshops", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_workshops_postal_code"))
        batch_op.drop_index("ix_workshops_active", postgresql_where=sa.text("is_active"))

    op.drop_table("workshops")
    op.drop_table("services")
    with op.batch_alter_table("provider_events", schema=None) as batch_op:
        batch_op.drop_index("ix_provider_events_unprocessed", postgresql_where=sa.text("processed_at IS NULL"))
        batch_op.drop_index(batch_op.f("ix_provider_events_object_id"))

    op.drop_table("provider_events")
    with op.batch_alter_table("odoo_sync_status", schema=None) as batch_op:
        batch_op.drop_index("ix_odoo_sync_status_status_created_at")

    op.drop_table("odoo_sync_status")
    with op.batch_alter_table("login_codes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_codes_expires_at"))

    op.drop_table("login_codes")
    with op.batch_alter_table("credential_attempts", schema=None) as batch_op:
        batch_op.drop_index("ix_credential_attempts_kind_subject_created_at")
        batch_op.drop_index("ix_credential_attempts_kind_network_created_at")

    op.drop_table("credential_attempts")
    _drop_queue()
    for kind in ENUMS:
        kind.drop(op.get_bind(), checkfirst=False)
    for sequence in SEQUENCES:
        op.execute(f"DROP SEQUENCE {sequence}")


def _create_queue() -> None:
    """The job queue's own schema, from its library."""
    op.get_bind().exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))


def _drop_queue() -> None:
    drop = """
        DO $$ DECLARE thing record; BEGIN
            FOR thing IN SELECT c.oid::regclass AS name FROM pg_class c
                WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname LIKE 'procrastinate%'
            LOOP EXECUTE 'DROP TABLE IF EXISTS ' || thing.name || ' CASCADE'; END LOOP;
            FOR thing IN SELECT p.oid::regprocedure AS name FROM pg_proc p
                WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'procrastinate%'
            LOOP EXECUTE 'DROP FUNCTION IF EXISTS ' || thing.name || ' CASCADE'; END LOOP;
            FOR thing IN SELECT t.oid::regtype AS name FROM pg_type t
                WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'c')
                AND t.typname LIKE 'procrastinate%'
            LOOP EXECUTE 'DROP TYPE IF EXISTS ' || thing.name || ' CASCADE'; END LOOP;
        END $$
    """
    op.get_bind().exec_driver_sql(drop.replace("%", "%%"))
