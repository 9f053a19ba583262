"""The pages of the web interface that tests look at and pictures are taken of, and their data."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chromium import service
from playwright.sync_api import ViewportSize
from support import API, Client

from cdb.demo.load import load

PAGES = {
    "overview": "",
    "global-tags": "global-tags",
    "no-match": "global-tags?q=nothing-like-it&status=frozen",
    "global-tag": "global-tags/CMS_2017",
    "valid-here": "global-tags/CMS_2017?at=302635:1200",
    "as-of": "global-tags/CMS_2017?at=302635:1200&as_of=15",
    "gap": "global-tags/CMS_2017?at=299350,0",
    "history": "global-tags/CMS_2017/history",
    "history-by-whom": "global-tags/CMS_2017/history?actor=nobody",
    "changes": "changes?action=bulk",
    "types": "types",
    "lists": "lists?q=cms_2017&sort=-iov_count",
    "type": "types/LumiCertification",
    "list": "lists/LumiCertification_1?at=302635:1200&from=302635:1100&to=302635:1300",
    "list-at-a-gap": "lists/JEC_L2Relative_AK4_2?at=299350,0&as_of=9",
    "list-history": "lists/JEC_L2Relative_AK4_2/history",
    "compare": "diff",
    "compared": "diff?a=CMS_2017&b=CMS_2017&a_as_of=15&at=302635:1200&type=JEC_L2Relative_AK4",
    "alike": "diff?a=CMS_2017&b=CMS_2017",
    "payload": "payloads/e8dded56668dfdb111c4219f5374b36d",
    "payload-table": "payloads/30afd205748aaaf482a6a9253539c2e3",
    "payload-root": "payloads/814eae51430e85840039e3118e40f5ee",
    "payload-elsewhere": "payloads/e99a18c428cb38d5f260853678922e03",
    "plugins": "plugins",
    "about": "about",
    "no-such-page": "nothing/here",
}
"""By the name of the picture: the path below `/ui/`, for a service with the sample data."""

WINDOW: ViewportSize = {"width": 1280, "height": 800}


ROOT_FILE = Path(__file__).parent / "data/cms2017/SFttbar_2016_ele_pt.root"
"""Scale factors of electrons, which the sample data has no place for."""


@contextmanager
def sample(databases: Any, payload_store: Path) -> Iterator[Any]:
    """Make a service with the sample data and its files, and a ROOT file beside them."""
    previews = {"previews": "json root text", "plugin.json.suffixes": ".json _json.txt"}
    with service(databases, payload_store=str(payload_store), **previews) as app:
        context = app.registry.cdb
        load(context.database, context.rules, context.payload_store)
        Client(app).put(f"{API}/payloads/JER_SF_AK8PFPuppi/electrons.root", ROOT_FILE.read_bytes())
        yield app
