"""The command behind `make stack`: starts it, says where it is, and stops it at Ctrl-C."""

import argparse
import signal
import sys
import time
from pathlib import Path

from stack.parts import Failed
from stack.whole import CDB, Stack, running


def main() -> int:
    """Run the stack until it is stopped; tell of a part that ends, and go on without it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/stack"), help="where it writes")
    parser.add_argument("--port", type=int, default=8000, help="the first port; 0 for free ones")
    parser.add_argument("--scrape", default="15s", help="how often Prometheus asks")
    asked = parser.parse_args()
    # Also where a shell has started it in the background, which ignores Ctrl-C.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    try:
        with running(asked.folder, asked.port, asked.scrape) as stack:
            print(told(stack), flush=True)
            while True:
                time.sleep(0.5)
                for end in stack.parts.ended():
                    print(end, flush=True)
    except Failed as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.")
        return 0


def told(stack: Stack) -> str:
    """Return where everything is, and what to try."""
    ports = stack.ports
    query = f"{stack.url}/api/cdb_rest/payloadiovs/?gtName=CMS_2017&majorIOV=302635&minorIOV=1200"
    return f"""\
cdb through nginx   {stack.url}  {stack.https}
  two services      http://127.0.0.1:{ports.cdb1}  http://127.0.0.1:{ports.cdb2}
  PgBouncer         127.0.0.1:{ports.pgbouncer}, PostgreSQL 127.0.0.1:{ports.primary}, \
its replica 127.0.0.1:{ports.replica}
Prometheus          {stack.prometheus}
Logs, data, secrets {stack.folder}

Which payloads are valid for CMS run 302635, lumi section 1200:
  curl '{query}'
A token, and a write:
  token=$({CDB} token create {stack.ini} --owner me --scope cdb.write)
  curl --cacert {stack.secrets}/certificate -H "Authorization: Bearer $token" \\
    --json '{{"name": "Mine"}}' {stack.https}/api/cdb_rest/gt
Ctrl-C stops it."""


if __name__ == "__main__":
    sys.exit(main())
