"""Media files.

Revision: 20261123_0410
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_0410"
down_revision = "20261123_0400"
branch_labels = None
depends_on = None

PURPOSE = postgresql.ENUM("BOOKING", name="media_purpose", create_type=False)
KIND = postgresql.ENUM("IMAGE", "VIDEO", name="media_kind", create_type=False)
STATE = postgresql.ENUM("UPLOADED", "READY", "REFUSED", name="media_state", create_type=False)


def upgrade() -> None:
    for enum in (PURPOSE, KIND, STATE):
        enum.create(op.get_bind())
    op.create_table(
        "media_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", PURPOSE, nullable=False),
        sa.Column("purpose_id", sa.Uuid(), nullable=False),
        sa.Column("uploaded_by", sa.Uuid(), nullable=True),
        sa.Column("upload_key", sa.Uuid(), nullable=True),
        sa.Column("kind", KIND, nullable=False),
        sa.Column("state", STATE, server_default="UPLOADED", nullable=False),
        sa.Column("reason", sa.String(40), nullable=True),
        sa.Column("content_type", sa.String(40), nullable=False),
        sa.Column("byte_size", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("staging_name", sa.String(60), nullable=True),
        sa.Column("small_name", sa.String(60), nullable=True),
        sa.Column("medium_name", sa.String(60), nullable=True),
        sa.Column("large_name", sa.String(60), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("byte_size > 0", name=op.f("ck_media_files_byte_size_positive")),
        sa.CheckConstraint(
            "(state = 'REFUSED') = (reason IS NOT NULL)", name=op.f("ck_media_files_refused_has_reason")
        ),
        sa.CheckConstraint(
            "(state = 'READY') = (small_name IS NOT NULL AND medium_name IS NOT NULL AND large_name IS NOT NULL "
            "AND width IS NOT NULL AND height IS NOT NULL)",
            name=op.f("ck_media_files_ready_has_sizes"),
        ),
        sa.CheckConstraint(
            "(state = 'UPLOADED') = (staging_name IS NOT NULL)", name=op.f("ck_media_files_staging_until_decided")
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by"], ["users.id"], name=op.f("fk_media_files_uploaded_by_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_files")),
    )
    op.create_index("ix_media_files_purpose_purpose_id", "media_files", ["purpose", "purpose_id"])
    op.create_index("ix_media_files_created_at", "media_files", ["created_at"])
    op.create_index("uq_media_files_uploaded_by_upload_key", "media_files", ["uploaded_by", "upload_key"], unique=True)
    op.create_index(
        "ix_media_files_waiting", "media_files", ["created_at"], postgresql_where=sa.text("state = 'UPLOADED'")
    )


def downgrade() -> None:
    op.drop_table("media_files")
    for enum in (STATE, KIND, PURPOSE):
        enum.drop(op.get_bind())
