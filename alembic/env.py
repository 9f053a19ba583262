"""How migrations reach the database: on the connection that `cdb db` hands over."""

from alembic import context

from cdb.store.models import Base

connection = context.config.attributes["connection"]

context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    # SQLite cannot alter tables; alembic copies them instead.
    render_as_batch=connection.dialect.name == "sqlite",
)

with context.begin_transaction():
    context.run_migrations()
