"""How migrations reach the database: on the connection that `cdb db` hands over."""

from alembic import context

from cdb.store import migrate
from cdb.store.models import Base

connection = context.config.attributes["connection"]
is_sqlite = connection.dialect.name == "sqlite"

context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    # SQLite cannot alter tables; alembic copies them instead.
    render_as_batch=is_sqlite,
    transactional_ddl=True,
    # SQLite has one writer, who is alone with its one transaction. PostgreSQL holds each
    # lock for as long as one migration takes, and builds indexes outside of transactions.
    transaction_per_migration=not is_sqlite,
    on_version_apply=migrate.note,
)

with context.begin_transaction():
    context.run_migrations()
