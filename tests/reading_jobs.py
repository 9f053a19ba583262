"""What jobs do in processes of their own, which import little."""

from cdb_client import Client


def read_all(url: str, cache: str) -> str:
    """Read a run lumi section by lumi section; returns what was seen."""
    with Client(url, cache=cache) as client:
        seen = [client.at("CMS_2017", run=302635, lumi=lumi) for lumi in range(1, 200)]
    return repr([[str(payload) for payload in each.values()] for each in seen])
