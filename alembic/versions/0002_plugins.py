"""What plugins and security need: options of validators, payload files, API tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add what is new; nothing that is there changes."""
    op.add_column("payload_type", sa.Column("validator_options", sa.JSON(), nullable=True))
    op.create_table(
        "payload",
        sa.Column("id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("payload_type", sa.String(length=80), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("checksum", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=True),
        sa.Column("path", sa.String(length=512), nullable=True),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("added_by", BIG_INT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_payload"),
        sa.UniqueConstraint("path", name="uq_payload_path"),
    )
    op.create_index("ix_payload_checksum", "payload", ["checksum"])
    op.create_index("ix_payload_sha256", "payload", ["sha256"])
    op.create_index(
        "uq_payload_type_revision", "payload", ["payload_type", "revision"], unique=True
    )
    op.create_table(
        "token",
        sa.Column("id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=True),
        sa.Column("revoked", MOMENT, nullable=True),
        sa.Column("last_used", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
        sa.UniqueConstraint("hash", name="uq_token_hash"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("token")
    op.drop_table("payload")
    op.drop_column("payload_type", "validator_options")
