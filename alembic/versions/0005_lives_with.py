"""What was upgraded when, and which versions of cdb work with it: for upgrades without downtime.

A version of cdb cannot know what later ones do to the tables. So they say it here, in the
database, where it can read whether it can go on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
lives_with = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; `env.py` puts a row in for each migration from this one on."""
    op.create_table(
        "schema_revision",
        sa.Column("revision", sa.String(length=32), nullable=False),
        sa.Column("lives_with", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("applied", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pk_schema_revision"),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("schema_revision")
