"""Functions for what each attach asks first: PostgreSQL keeps their plans.

To plan these statements takes it five times as long as to run them. SQLite has no
functions, and runs the statements themselves.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LIST_TO_WRITE = """
create function cdb_list_to_write(wanted_name text, wanted_waiting bigint) returns table (
    seen bigint,
    id bigint, name varchar, description text, contact varchar, ends varchar,
    created timestamptz, type_id bigint, type varchar, tag_id bigint, tag varchar,
    status varchar, mode varchar, final boolean, series bigint, pinned_at bigint, n_iov bigint,
    dimension varchar, validator varchar, validator_options json,
    waiting bigint, start_major bigint, start_minor bigint, end_major bigint, end_minor bigint,
    payload_url varchar, checksum varchar, size bigint, extra varchar, inserted timestamptz
) language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
    select
        (select max(change) from change),
        l.id, l.name, l.description, l.contact, l.ends, l.created, t.id, t.name, g.id, g.name,
        tag_status.name, tag_status.mode, tag_status.final, p.series, p.pinned_at,
        coalesce((
            select n_iov from series_change
            where series = p.series and change <= coalesce(p.pinned_at, 9223372036854775807)
            order by change desc limit 1
        ), 0),
        t.dimension, t.validator, t.validator_options,
        w.id, w.start_major, w.start_minor, w.end_major, w.end_minor,
        w.payload_url, w.checksum, w.size, w.extra, w.inserted
    from payload_list l
    join list_state p on p.payload_list = l.id and p.retired_by = 9223372036854775807
    join payload_type t on t.id = l.payload_type and t.retired_by = 9223372036854775807
    left join global_tag g on g.id = p.global_tag and g.retired_by = 9223372036854775807
    left join tag_state on tag_state.tag = g.id and tag_state.retired_by = 9223372036854775807
    left join tag_status on tag_status.id = tag_state.status
    left join staged_iov w on w.id = wanted_waiting
    where l.name = wanted_name and l.retired_by = 9223372036854775807;
end $$
"""

IOVS_AROUND = """
create function cdb_iovs_around(wanted bigint, major bigint, minor bigint) returns table (
    id bigint, start_major bigint, start_minor bigint, end_major bigint, end_minor bigint,
    declared_end_major bigint, declared_end_minor bigint
) language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
    select id, start_major, start_minor, end_major, end_minor,
        declared_end_major, declared_end_minor
    from iov
    where series = wanted and retired_by = 9223372036854775807
        and (start_major, start_minor) <= (major, minor)
    order by start_major desc, start_minor desc limit 1;
    return query
    select id, start_major, start_minor, end_major, end_minor,
        declared_end_major, declared_end_minor
    from iov
    where series = wanted and retired_by = 9223372036854775807
        and (start_major, start_minor) > (major, minor)
    order by start_major, start_minor limit 16;
end $$
"""


def upgrade() -> None:
    """Make the functions, on PostgreSQL."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(LIST_TO_WRITE)
        op.execute(IOVS_AROUND)


def downgrade() -> None:
    """Take the functions away."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function cdb_list_to_write(text, bigint)")
        op.execute("drop function cdb_iovs_around(bigint, bigint, bigint)")
