"""The core: the change log, tags, types, lists, and the logs of payload IOVs."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
LIVE = sa.text("retired_by = 9223372036854775807")


def upgrade() -> None:
    """Create the tables, and declare the three statuses that every service has."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(sa.schema.CreateSequence(sa.Sequence("iov_id")))
    op.create_table(
        "change",
        sa.Column("change", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("nonce", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("object_type", sa.String(length=40), nullable=False),
        sa.Column("object_name", sa.String(length=255), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("change", name="pk_change"),
    )
    op.create_index(
        "uq_change_idempotency_key",
        "change",
        ["idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key is not null"),
        sqlite_where=sa.text("idempotency_key is not null"),
    )
    op.create_table(
        "global_tag",
        sa.Column("id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("contact", sa.String(length=255), nullable=True),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("added_by", BIG_INT, nullable=False),
        sa.Column("retired_by", BIG_INT, nullable=False),
        sa.PrimaryKeyConstraint("id", "added_by", name="pk_global_tag"),
    )
    op.create_index(
        "uq_global_tag_live_id",
        "global_tag",
        ["id"],
        unique=True,
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )
    op.create_index(
        "uq_global_tag_live_name",
        "global_tag",
        ["name"],
        unique=True,
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )
    op.create_table(
        "iov",
        sa.Column("id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("series", BIG_INT, nullable=False),
        sa.Column("end_major", sa.BigInteger(), nullable=False),
        sa.Column("end_minor", sa.BigInteger(), nullable=False),
        sa.Column("declared_end_major", sa.BigInteger(), nullable=False),
        sa.Column("declared_end_minor", sa.BigInteger(), nullable=False),
        sa.Column("added_by", BIG_INT, nullable=False),
        sa.Column("retired_by", BIG_INT, nullable=False),
        sa.Column("start_major", sa.BigInteger(), nullable=False),
        sa.Column("start_minor", sa.BigInteger(), nullable=False),
        sa.Column("payload_url", sa.String(length=255), nullable=False),
        sa.Column("checksum", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("extra", sa.String(length=255), nullable=True),
        sa.Column("inserted", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_iov"),
    )
    op.create_index(
        "uq_iov_live_start",
        "iov",
        ["series", sa.text("start_major desc"), sa.text("start_minor desc")],
        unique=True,
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )
    op.create_index(
        "ix_iov_history",
        "iov",
        [
            "series",
            sa.text("start_major desc"),
            sa.text("start_minor desc"),
            "added_by",
            "retired_by",
        ],
    )
    op.create_index("ix_iov_checksum", "iov", ["checksum"])
    op.create_table(
        "list_state",
        sa.Column("payload_list", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("global_tag", BIG_INT, nullable=True),
        sa.Column("series", BIG_INT, nullable=False),
        sa.Column("pinned_at", BIG_INT, nullable=True),
        sa.Column("added_by", BIG_INT, nullable=False),
        sa.Column("retired_by", BIG_INT, nullable=False),
        sa.PrimaryKeyConstraint("payload_list", "added_by", name="pk_list_state"),
    )
    op.create_index("ix_list_state_global_tag", "list_state", ["global_tag", "added_by"])
    op.create_index(
        "ix_list_state_live_tag",
        "list_state",
        ["global_tag"],
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )
    op.create_index("ix_list_state_series", "list_state", ["series"])
    op.create_index(
        "uq_list_state_live_payload_list",
        "list_state",
        ["payload_list"],
        unique=True,
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )
    op.create_table(
        "payload_list",
        sa.Column("id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("contact", sa.String(length=255), nullable=True),
        sa.Column("payload_type", BIG_INT, nullable=False),
        sa.Column("ends", sa.String(length=20), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("added_by", BIG_INT, nullable=False),
        sa.Column("retired_by", BIG_INT, nullable=False),
        sa.PrimaryKeyConstraint("id", "added_by", name="pk_payload_list"),
    )
    op.create_index("ix_payload_list_payload_type", "payload_list", ["payload_type"])
    op.create_index(
        "uq_payload_list_live_id",
        "payload_list",
        ["id"],
        unique=True,
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )
    op.create_index(
        "uq_payload_list_live_name",
        "payload_list",
        ["name"],
        unique=True,
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )
    op.create_table(
        "payload_type",
        sa.Column("id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("dimension", sa.String(length=80), nullable=True),
        sa.Column("validator", sa.String(length=80), nullable=True),
        sa.Column("contact", sa.String(length=255), nullable=True),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("added_by", BIG_INT, nullable=False),
        sa.Column("retired_by", BIG_INT, nullable=False),
        sa.PrimaryKeyConstraint("id", "added_by", name="pk_payload_type"),
    )
    op.create_index(
        "uq_payload_type_live_id",
        "payload_type",
        ["id"],
        unique=True,
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )
    op.create_index(
        "uq_payload_type_live_name",
        "payload_type",
        ["name"],
        unique=True,
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )
    op.create_table(
        "series",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
    )
    op.create_table(
        "series_change",
        sa.Column("series", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("change", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("n_iov", BIG_INT, nullable=False),
        sa.PrimaryKeyConstraint("series", "change", name="pk_series_change"),
    )
    op.create_table(
        "staged_iov",
        sa.Column("id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("end_major", sa.BigInteger(), nullable=True),
        sa.Column("end_minor", sa.BigInteger(), nullable=True),
        sa.Column("start_major", sa.BigInteger(), nullable=False),
        sa.Column("start_minor", sa.BigInteger(), nullable=False),
        sa.Column("payload_url", sa.String(length=255), nullable=False),
        sa.Column("checksum", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("extra", sa.String(length=255), nullable=True),
        sa.Column("inserted", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_staged_iov"),
    )
    op.create_index("ix_staged_iov_inserted", "staged_iov", ["inserted"])
    op.create_table(
        "tag_state",
        sa.Column("tag", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("status", BIG_INT, nullable=False),
        sa.Column("head", BIG_INT, nullable=False),
        sa.Column("updated", MOMENT, nullable=False),
        sa.Column("added_by", BIG_INT, nullable=False),
        sa.Column("retired_by", BIG_INT, nullable=False),
        sa.PrimaryKeyConstraint("tag", "added_by", name="pk_tag_state"),
    )
    op.create_index(
        "uq_tag_state_live_tag",
        "tag_state",
        ["tag"],
        unique=True,
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )
    op.create_table(
        "tag_status",
        sa.Column("id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("added_by", BIG_INT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tag_status"),
        sa.UniqueConstraint("name", name="uq_tag_status_name"),
    )

    created = datetime.now(UTC)
    statuses = sa.table(
        "tag_status",
        sa.column("id"),
        sa.column("name"),
        sa.column("mode"),
        sa.column("final"),
        sa.column("description"),
        sa.column("created", MOMENT),
        sa.column("added_by"),
    )
    op.bulk_insert(
        statuses,
        [
            {
                "id": number,
                "name": name,
                "mode": mode,
                "final": final,
                "description": None,
                "created": created,
                "added_by": 0,
            }
            for number, (name, mode, final) in enumerate(
                [
                    ("unlocked", "open", False),
                    ("locked", "append", False),
                    ("frozen", "closed", True),
                ],
                start=1,
            )
        ],
    )


def downgrade() -> None:
    """Remove everything."""
    for table in (
        "tag_status",
        "tag_state",
        "staged_iov",
        "series_change",
        "series",
        "payload_type",
        "payload_list",
        "list_state",
        "iov",
        "global_tag",
        "change",
    ):
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        op.execute(sa.schema.DropSequence(sa.Sequence("iov_id")))
