"""A valid request for every operation that writes, and what it has to ask."""

from typing import Any, Literal, NamedTuple

from guarded import row
from support import API, Client

from cdb.plugin import Permission, Target
from cdb.rest import views
from cdb.rest.service import Operation

Asked = tuple[Permission, Target]


def name_of(operation: Operation) -> str:
    view: Any = operation.view
    return f"{view.__module__.rpartition('.')[2]}.{view.__name__}"


DECLARED = {
    name_of(operation): (operation, resource)
    for resource in views.RESOURCES
    for operation in resource.operations
    if operation.writes
}
"""Every operation that writes, by the module and the name of its view."""


class Write(NamedTuple):
    """A valid request that writes to what `populate` makes, and what it has to ask."""

    view: str
    asks: frozenset[Asked]
    variables: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default, which nobody changes
    body: Any = None
    query: str = ""

    @property
    def operation(self) -> Operation:
        return DECLARED[self.view][0]

    @property
    def paths(self) -> list[str]:
        return [path.format(**self.variables) for path in DECLARED[self.view][1].paths]

    def send(
        self,
        client: Client,
        path: str | None = None,
        *,
        dry_run: Literal["change"] | bool = False,
        **options: Any,
    ) -> Any:
        tried = [f"dry_run={dry_run}"] if dry_run else []
        query = "&".join([*filter(None, [self.query]), *tried])
        url = f"{API}/{path or self.paths[-1]}{query and '?'}{query}"
        if isinstance(self.body, bytes):
            return client.put(url, self.body, status="*", **options)
        return client.api(self.operation.method, url, self.body, **options)


def asks(permission: Permission, *targets: Target) -> frozenset[Asked]:
    return frozenset((permission, target) for target in targets)


def tag(name: str) -> Target:
    return Target("global_tag", name, name)


def type_(name: str) -> Target:
    return Target("payload_type", name, None, name)


def list_(name: str | None, in_tag: str | None) -> Target:
    payload_type = name.partition("_")[0] if name else None
    return Target("payload_list", name, in_tag, payload_type)


P = Permission
IOV_IN_DEV = {"tag": "Dev", "type": "Beam", "major": "5", "minor": "0"}

WRITES = [
    Write("global_tags.create", asks(P.TAG_CREATE, tag("New")), body={"name": "New"}),
    Write(
        "global_tags.create",
        asks(P.TAG_CREATE, tag("New")) | asks(P.TAG_STATUS, tag("New")),
        body={"name": "New", "status": "frozen"},
    ),
    Write(
        "global_tags.describe",
        asks(P.TAG_WRITE, tag("Dev")),
        {"name": "Dev"},
        {"description": "for tests"},
    ),
    Write(
        "global_tags.describe",
        asks(P.TAG_WRITE, tag("Dev"))
        | asks(P.TAG_DELETE, tag("Dev"))
        | asks(P.TAG_CREATE, tag("Dev2")),
        {"name": "Dev"},
        {"name": "Dev2"},
    ),
    Write(
        "history.revert_to",
        asks(P.TAG_WRITE, tag("Dev")) | asks(P.LIST_ATTACH, list_(None, "Dev")),
        {"name": "Dev"},
        query="to=12",
    ),
    Write(
        "history.revert_to",
        asks(P.TAG_WRITE, tag("Dev"))
        | asks(P.LIST_ATTACH, Target("payload_list", None, "Dev", "Beam")),
        {"name": "Dev"},
        query="to=12&payload_type=Beam",
    ),
    Write(
        "global_tags.merge",
        asks(P.TAG_WRITE, tag("Prod")) | asks(P.IOV_ATTACH, list_("Beam_2", "Prod")),
        {"name": "Prod"},
        {"sources": ["Dev"], "mode": "fill"},
    ),
    Write("global_tags.delete", asks(P.TAG_DELETE, tag("Dev")), {"name": "Dev"}),
    Write(
        "global_tags.clone",
        asks(P.TAG_CREATE, tag("Copy")),
        {"source": "Prod", "target": "Copy"},
    ),
    Write(
        "global_tags.change_status",
        asks(P.TAG_STATUS, tag("Dev")),
        {"name": "Dev", "status": "locked"},
    ),
    Write(
        "global_tags.declare_status",
        asks(P.STATUS_CREATE, Target("status", "review")),
        body={"name": "review"},
    ),
    Write("payload_types.create", asks(P.TYPE_CREATE, type_("New")), body={"name": "New"}),
    Write(
        "payload_types.describe",
        asks(P.TYPE_CREATE, type_("Beam")),
        {"name": "Beam"},
        {"contact": "somebody"},
    ),
    Write("payload_types.delete", asks(P.TYPE_DELETE, type_("Unused")), {"name": "Unused"}),
    Write(
        "payload_lists.create",
        asks(P.LIST_CREATE, Target("payload_list", payload_type="Beam")),
        body={"payload_type": "Beam"},
    ),
    Write(
        "payload_lists.describe",
        asks(P.LIST_CREATE, list_("Beam_1", "Dev")),
        {"name": "Beam_1"},
        {"contact": "somebody"},
    ),
    Write(
        "payload_lists.describe",
        asks(P.LIST_CREATE, list_("Field_4", None)),
        {"name": "Field_4"},
        {"contact": "somebody"},
    ),
    Write(
        "payload_lists.delete", asks(P.LIST_DELETE, list_("Field_3", "Dev")), {"name": "Field_3"}
    ),
    Write(
        "payload_lists.delete", asks(P.LIST_DELETE, list_("Field_4", None)), {"name": "Field_4"}
    ),
    Write(
        "payload_lists.attach",
        asks(P.LIST_ATTACH, list_("Field_4", "Prod")),
        body={"payload_list": "Field_4", "global_tag": "Prod"},
    ),
    Write(
        "payload_lists.attach",
        asks(P.LIST_ATTACH, list_("Field_3", "Dev"), list_("Field_3", "Prod")),
        body={"payload_list": "Field_3", "global_tag": "Prod"},
    ),
    Write("payload_iovs.stage", asks(P.IOV_CREATE, Target("payload_iov")), body=row(9)),
    Write(
        "payload_iovs.attach",
        asks(P.IOV_ATTACH, list_("Beam_1", "Dev")),
        body={"payload_list": "Beam_1", "piov_id": 1},
    ),
    Write(
        "payload_iovs.attach",
        asks(P.IOV_ATTACH, list_("Field_4", None)),
        body={"payload_list": "Field_4", "piov_id": 1},
    ),
    Write(
        "payload_iovs.attach_many",
        asks(
            P.IOV_ATTACH, list_("Beam_1", "Dev"), list_("Beam_2", "Prod"), list_("Field_4", None)
        ),
        body=[{**row(20), "payload_list": name} for name in ("Beam_1", "Beam_2", "Field_4")],
    ),
    Write("payload_iovs.attach_many", asks(P.IOV_ATTACH, Target("payload_list")), body=[]),
    Write(
        "payload_iovs.attach_to_list",
        asks(P.IOV_ATTACH, list_("Beam_1", "Dev")),
        {"name": "Beam_1"},
        [row(20), row(30)],
    ),
    Write(
        "payload_iovs.attach_to_list",
        asks(P.IOV_ATTACH, list_("Field_4", None)),
        {"name": "Field_4"},
        [row(20)],
    ),
    Write(
        "payload_iovs.attach_to_tag",
        asks(P.IOV_ATTACH, list_("Beam_1", "Dev"), list_("Field_3", "Dev")),
        {"name": "Dev"},
        [{**row(20), "payload_type": name} for name in ("Beam", "Field")],
    ),
    Write("payload_iovs.delete", asks(P.IOV_DELETE, list_("Beam_1", "Dev")), IOV_IN_DEV),
    Write(
        "payload_iovs.delete_exactly",
        asks(P.IOV_DELETE, list_("Beam_1", "Dev")),
        {**IOV_IN_DEV, "major_end": "6", "minor_end": "0"},
    ),
    Write(
        "payloads.upload",
        asks(P.PAYLOAD_WRITE, Target("payload", "a.txt", None, "Beam")),
        {"payload_type": "Beam", "file_name": "a.txt"},
        b"beam spot",
    ),
]
