"""Seconds, megabytes and memory of the service while a tag is fetched whole."""

import threading

import bench


def main() -> None:
    """Fetch a tag in pieces, and look at the memory of the service all the while."""
    parser = bench.parser(__doc__)
    parser.add_argument("--tag", help="an existing tag; without it one is loaded")
    parser.add_argument("--lists", type=int, default=100)
    parser.add_argument("--iovs", type=int, default=5000)
    options = parser.parse_args()
    if options.url and not options.pid:
        parser.error("--url needs --pid, the process whose memory is looked at")
    with bench.service(options) as service:
        tag = options.tag or "Whole"
        client = bench.Client(service.url)
        if not options.tag:
            bench.load(client, tag, options.lists, options.iovs)
        lines = [[run + 1, *fetch(service, tag)] for run in range(options.runs)]
    header = ["run", "s", "MB", "RSS before MB", "highest MB", "after MB", "growth MB"]
    bench.table(header, lines)


def fetch(service: bench.Service, tag: str) -> tuple[float, ...]:
    """Fetch a tag once: seconds, MB, and the memory before, at its highest, after, and growth."""
    before = service.rss_mb()
    seen, done = [before], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            seen.append(service.rss_mb())

    watching = threading.Thread(target=watch)
    watching.start()
    received = 0

    def read() -> None:
        nonlocal received
        connection = bench.Client(service.url).connection
        connection.request("GET", f"{bench.API}/globalTag/{tag}")
        answer = connection.getresponse()
        if answer.status != 200:
            raise SystemExit(f"the tag cannot be read: {answer.status}")
        while piece := answer.read(2**20):
            received += len(piece)

    try:
        seconds = bench.timed(read)
    finally:
        done.set()
        watching.join()
    highest = max(seen)
    return seconds, received / 1e6, before, highest, service.rss_mb(), highest - before


if __name__ == "__main__":
    main()
