"""People: users with roles, their sessions, login codes, addresses, and counted credential attempts."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from b2c_web.db import Base, CreatedAt, Id, Timestamps, enum_type


class Role(StrEnum):
    CUSTOMER = "CUSTOMER"
    WORKSHOP = "WORKSHOP"
    DISPATCHER = "DISPATCHER"
    JOCKEY = "JOCKEY"
    ADMIN = "ADMIN"


WORKSHOP_ROLES = frozenset({Role.WORKSHOP, Role.DISPATCHER, Role.JOCKEY})
STAFF_ROLES = WORKSHOP_ROLES | {Role.ADMIN}


class User(Timestamps, Base):
    """A customer or a member of staff. Staff of a workshop see that workshop only."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("email = lower(email) AND position('@' in email) > 1", name="email_is_lower"),
        CheckConstraint(
            "(role IN ('WORKSHOP', 'DISPATCHER', 'JOCKEY')) = (workshop_id IS NOT NULL)",
            name="workshop_by_role",
        ),
        CheckConstraint("role = 'CUSTOMER' OR password_hash IS NOT NULL", name="staff_has_password"),
        CheckConstraint("language IN ('de', 'en')", name="language_known"),
    )

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254), unique=True)
    email_verified: Mapped[datetime | None]
    name: Mapped[str | None] = mapped_column(String(120))
    phone: Mapped[str | None] = mapped_column(String(32))
    odoo_customer_id: Mapped[int | None] = mapped_column(Integer, unique=True)
    role: Mapped[Role] = mapped_column(enum_type(Role, "user_role"), server_default="CUSTOMER", default=Role.CUSTOMER)
    workshop_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("workshops.id", ondelete="RESTRICT"), index=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    language: Mapped[str] = mapped_column(String(2), server_default="de", default="de")
    is_active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"), default=True)
    stripe_customer_id: Mapped[str | None] = mapped_column(String(64), unique=True)

    # Flask-Login asks these of every user
    is_authenticated = True
    is_anonymous = False

    def get_id(self) -> str:
        return str(self.id)


class UserSession(Base):
    """One signed-in browser. The cookie holds a random token, the row only its hash."""

    __tablename__ = "user_sessions"
    __table_args__ = (CheckConstraint("expires_at > created_at", name="expires_after_start"),)

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[CreatedAt]
    last_seen_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    user_agent: Mapped[str | None] = mapped_column(String(200))

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class LoginCode(Base):
    """A mailed six-digit code, kept as a keyed hash. A new one replaces the old one of the address."""

    __tablename__ = "login_codes"
    __table_args__ = (CheckConstraint("tries_left >= 0", name="tries_not_negative"),)

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254), unique=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    tries_left: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class CredentialAttempt(Base):
    """One counted attempt (code asked for, code or password entered, hold made); purged after a day."""

    __tablename__ = "credential_attempts"
    __table_args__ = (
        Index("ix_credential_attempts_kind_subject_created_at", "kind", "subject", "created_at"),
        Index("ix_credential_attempts_kind_network_created_at", "kind", "network", "created_at"),
    )

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(64))  # keyed hash of the address or user id
    network: Mapped[str] = mapped_column(String(64))
    succeeded: Mapped[bool] = mapped_column(Boolean, server_default=text("false"), default=False)
    created_at: Mapped[CreatedAt]


class Address(Timestamps, Base):
    """A place where a customer's car is picked up; the last used one is offered first."""

    __tablename__ = "addresses"
    __table_args__ = (
        CheckConstraint("postal_code ~ '^[0-9]{5}$'", name="postal_code_form"),
        Index("uq_addresses_default", "user_id", unique=True, postgresql_where=text("is_default")),
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    street: Mapped[str] = mapped_column(Text)
    postal_code: Mapped[str] = mapped_column(String(5))
    city: Mapped[str] = mapped_column(String(120))
    is_default: Mapped[bool] = mapped_column(Boolean, server_default=text("false"), default=False)
    last_used_at: Mapped[datetime | None]
