"""What history over HTTP needs: which tags and types a change touched, and recorded answers.

The head of a tag was overwritten by each write to it. Now it is the last change
that touched the tag, which can be asked for as of any change.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)

ROWS_A_STATEMENT = 5000

KEY_IS_GIVEN = sa.text("idempotency_key is not null")

change = sa.table(
    "change",
    sa.column("change", sa.BigInteger),
    sa.column("action", sa.String),
    sa.column("at", MOMENT),
    sa.column("detail", sa.JSON),
)
tag_state = sa.table(
    "tag_state",
    sa.column("tag", sa.BigInteger),
    sa.column("head", sa.BigInteger),
    sa.column("updated", MOMENT),
)


def upgrade() -> None:
    """Work out from the log which tags and types each change touched."""
    for name, key in (("tag_change", "tag"), ("type_change", "payload_type")):
        op.create_table(
            name,
            sa.Column(key, BIG_INT, autoincrement=False, nullable=False),
            sa.Column("change", BIG_INT, autoincrement=False, nullable=False),
            sa.PrimaryKeyConstraint(key, "change", name=f"pk_{name}"),
        )
    fill("tag_change", "tag", "global_tag", "global_tags")
    fill("type_change", "payload_type", "payload_type", "payload_types")
    say_statuses_as_objects()
    op.create_table(
        "recorded_answer",
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("change", BIG_INT, nullable=True),
        sa.PrimaryKeyConstraint("subject", "idempotency_key", name="pk_recorded_answer"),
    )
    op.create_index("ix_recorded_answer_created", "recorded_answer", ["created"])
    op.drop_index("uq_change_idempotency_key", "change")
    with op.batch_alter_table("change") as batch:
        batch.drop_column("idempotency_key")
    op.create_index("ix_change_at", "change", ["at"])
    with op.batch_alter_table("tag_state") as batch:
        batch.drop_column("head")
        batch.drop_column("updated")
        batch.add_column(sa.Column("digest", sa.String(length=64), nullable=True))


def fill(table: str, key: str, objects: str, names: str) -> None:
    """Note each change for the objects that its entry in the log names."""
    versions: dict[str, list[tuple[int, int, int]]] = {}
    found = sa.table(objects, *map(sa.column, ("id", "name", "added_by", "retired_by"))).select()
    for number, name, added_by, retired_by in op.get_bind().execute(found):
        versions.setdefault(name, []).append((number, added_by, retired_by))
    log = sa.select(change.c.change, change.c.detail).order_by(change.c.change)
    target = sa.table(table, sa.column(key), sa.column("change"))
    rows = [
        {key: number, "change": at}
        for at, detail in op.get_bind().execute(log)
        for number in {
            number
            for name in detail.get(names, ())
            for number, added_by, retired_by in versions.get(name, ())
            # A deletion touches what it retires.
            if added_by <= at <= retired_by
        }
    ]
    for first in range(0, len(rows), ROWS_A_STATEMENT):
        op.bulk_insert(target, rows[first : first + ROWS_A_STATEMENT])


def say_statuses_as_objects() -> None:
    """Tell what was before and after a change of status as all other changes tell it."""
    found = sa.select(change.c.change, change.c.detail).where(change.c.action == "status")
    for number, detail in op.get_bind().execute(found).all():
        sides = {
            side: {"status": detail[side]}
            for side in ("before", "after")
            if isinstance(detail.get(side), str)
        }
        if sides:
            told = change.update().where(change.c.change == number)
            op.get_bind().execute(told.values(detail={**detail, **sides}))


def downgrade() -> None:
    """Put the heads back to where they were overwritten."""
    op.add_column("tag_state", sa.Column("head", BIG_INT, nullable=True))
    op.add_column("tag_state", sa.Column("updated", MOMENT, nullable=True))
    touched = sa.table("tag_change", sa.column("tag"), sa.column("change"))
    head = (
        sa.select(sa.func.max(touched.c.change))
        .where(touched.c.tag == tag_state.c.tag)
        # Inside of the other one it would not see the row that is updated by itself.
        .correlate(tag_state)
        .scalar_subquery()
    )
    moment = sa.select(change.c.at).where(change.c.change == head).scalar_subquery()
    op.execute(tag_state.update().values(head=head, updated=moment))
    with op.batch_alter_table("tag_state") as batch:
        batch.drop_column("digest")
        batch.alter_column("head", nullable=False, existing_type=BIG_INT)
        batch.alter_column("updated", nullable=False, existing_type=MOMENT)
    op.drop_index("ix_change_at", "change")
    op.add_column("change", sa.Column("idempotency_key", sa.String(length=255), nullable=True))
    op.create_index(
        "uq_change_idempotency_key",
        "change",
        ["idempotency_key"],
        unique=True,
        postgresql_where=KEY_IS_GIVEN,
        sqlite_where=KEY_IS_GIVEN,
    )
    op.drop_table("recorded_answer")
    op.drop_table("type_change")
    op.drop_table("tag_change")
