"""Payload IOVs a second of an import from tables laid out as nopayloaddb's."""

import resource
import subprocess
import sys
import time
from pathlib import Path

from harness import special
from harness.figures import table
from sqlalchemy import create_engine, make_url, text

FILL = """
insert into "GlobalTagStatus" (name, created) values ('unlocked', now()), ('locked', now());
insert into "GlobalTag" (name, author, status_id, created, updated)
    select 'Old_' || n, 'somebody', n, now(), now() from generate_series(1, 2) n;
insert into "PayloadType" (name, created)
    select 'Type' || n, now() from generate_series(1, {lists}) n;
insert into "PayloadList" (id, name, global_tag_id, payload_type_id, created, updated)
    select n, 'Type' || n || '_' || n, 1 + n % 2, n, now(), now()
    from generate_series(1, {lists}) n;
insert into "PayloadIOV" (
    payload_url, checksum, size, major_iov, minor_iov, major_iov_end, minor_iov_end,
    payload_list_id, extra, created, updated
)
select 'some/where/' || list || '/' || major || '_' || minor || '.root', md5(minor::text), 12345,
    major, minor,
    case when kind < 7 then 9223372036854775807 when kind < 9 then major else major + 500000 end,
    case when kind < 7 then 9223372036854775807 when kind < 9 then minor + 1000 else 0 end,
    nullif(list, 0), case when kind = 0 then null when k % 50 = 1 then 'r' || k else k::text end,
    now(), now()
from (
    select k, list, k % 10 kind, (random() * 2 ^ 31)::bigint major,
        (random() * 2 ^ 31)::bigint minor
    from generate_series(1, {iovs}) k, generate_series(1, {lists}) list
) made;
-- One start in a hundred comes twice, and some payload IOVs are in no list.
insert into "PayloadIOV" (
    payload_url, checksum, major_iov, minor_iov, major_iov_end, minor_iov_end, payload_list_id,
    extra, created, updated
)
select payload_url || '.new', checksum, major_iov, minor_iov, major_iov_end, minor_iov_end,
    case when id % 1000 = 0 then null else payload_list_id end, extra, now(), now()
from "PayloadIOV" where id % 100 = 0;
update "PayloadIOV" set comb_iov = major_iov + minor_iov * 0.0000000000000000001;
"""
"""Seven of ten are open, two end within their major number, one reaches beyond the next start."""


def main() -> None:
    """Fill the tables, and run the command."""
    parser = special.parser(__doc__, lists=20, iovs=25_000)
    parser.add_argument("--samples", type=int, default=200)
    options = parser.parse_args()
    with special.service(options) as service:
        source = filled(service.database, options.lists, options.iovs)
        report = service.ini.with_name("report.json")
        cdb = str(Path(sys.executable).with_name("cdb"))
        command = [cdb, "import", "nopayloaddb", "--ini", str(service.ini), "--from", source]
        command += ["--report", str(report), "--samples", str(options.samples)]
        start = time.perf_counter()
        subprocess.run(command, check=True)
        seconds = time.perf_counter() - start
        rows = options.lists * options.iovs
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
        size = report.stat().st_size / 1e6
        table(
            ["payload IOVs", "s", "IOVs/s", "MB of memory", "MB of report"],
            [[rows, seconds, rows / seconds, memory, size]],
        )


def filled(server: str, lists: int, iovs: int) -> str:
    """Return the URL of a new database with the tables of nopayloaddb, on the same server."""
    sys.path.append(str(Path(__file__).parent.parent / "tests"))
    # The tests' own tables; the types of tests are not checked.
    from legacy import TABLES  # type: ignore[import-not-found] # noqa: PLC0415

    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("create database npdb"))
    admin.dispose()
    url = make_url(server).set(database="npdb").render_as_string(hide_password=False)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for script in (TABLES, FILL.format(lists=lists, iovs=iovs), "vacuum analyze"):
            connection.execute(text(script))
    engine.dispose()
    return url


if __name__ == "__main__":
    main()
