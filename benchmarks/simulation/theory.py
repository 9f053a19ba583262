"""What queueing theory says of cases that it can solve: the simulation has to agree."""

from collections.abc import Sequence


def waiting_time(rate: float, mean: float, servers: int) -> float:
    """Return the mean wait of M/M/c in seconds, by Erlang's formula C.

    `rate` requests come in a second and take `mean` seconds each; together
    they keep fewer than all servers busy.
    """
    load = rate * mean
    # Erlang's formula B by its recursion, which no large number occurs in.
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = load * blocked / (server + load * blocked)
    waits = blocked / (1 - load / servers * (1 - blocked))
    return waits * mean / (servers - load)


def closed_throughput(demands: Sequence[float], customers: int) -> float:
    """Return the requests/s of a closed network of single servers, by mean value analysis.

    Each customer visits every server once, for an exponential time with the
    mean in `demands`, in seconds, and begins again.
    """
    queues = [0.0] * len(demands)
    rate = 0.0
    for number in range(1, customers + 1):
        times = [demand * (1 + queue) for demand, queue in zip(demands, queues, strict=True)]
        rate = number / sum(times)
        queues = [rate * time for time in times]
    return rate
