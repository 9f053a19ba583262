"""Pages of the four lists: filtered, searched, sorted, counted."""

from typing import Any

import pytest
from support import Client

MANY = 12_000
LISTS = ["global-tags", "payload-types", "payload-lists", "payload-iovs"]


def row(payload_list: str, start: int, url: str) -> dict[str, Any]:
    return {"payload_list": payload_list, "payload_url": url, "major_iov": start, "minor_iov": 0}


def populate(client: Client) -> None:
    for name in ("Beam", "Field", "cali_x", "caliyx", "part%", "parts"):
        client.ok("POST", "pt", {"name": name})
    for name, author in (("beta", "zoe"), ("Alpha", "amy"), ("gamma", "betty")):
        client.ok("POST", "gt", {"name": name, "author": author})
    for payload_type, tag in (("Beam", "Alpha"), ("Field", "Alpha"), ("Beam", "beta")):
        made = client.ok("POST", "pl", {"payload_type": payload_type})
        client.ok("PUT", "pl_attach", {"payload_list": made["name"], "global_tag": tag})
    client.ok("POST", "pl", {"payload_type": "Field"})
    client.ok("POST", "bulk_piov", [row("Beam_1", n, f"run_{n}.root") for n in range(MANY)])
    few = [row("Field_2", 9 - n, f"Field{n}.ROOT") for n in range(3)]
    client.ok("POST", "bulk_piov", [*few, row("Beam_3", 0, "x.root"), row("Beam_3", 1, "y.root")])
    client.ok("POST", "cloneGlobalTag/beta/delta")
    client.ok("PUT", "gt_change_status/beta/locked")
    waiting = {"payload_url": "waits.root", "checksum": "c", "major_iov": 0, "minor_iov": 0}
    client.ok("POST", "piov", waiting)


@pytest.fixture(scope="module")
def catalogue(shared: Client) -> Client:
    """A service with enough in it, that nothing here writes to."""
    populate(shared)
    return shared


def names(answer: Any, field: str = "name") -> list[Any]:
    return [result[field] for result in answer["results"]]


# --- pages ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "count"),
    [("global-tags", 4), ("payload-types", 6), ("payload-lists", 5), ("payload-iovs", MANY + 7)],
)
def test_page_says_how_much_there_is(catalogue: Client, path: str, count: int) -> None:
    answer = catalogue.ok("GET", f"{path}?page=2&page_size=3")
    assert (answer["count"], answer["page"], answer["page_size"]) == (count, 2, 3)
    assert answer["total_pages"] == (count + 2) // 3
    assert len(answer["results"]) == min(3, count - 3)


@pytest.mark.parametrize("path", LISTS)
def test_page_has_25_results_unless_told(catalogue: Client, path: str) -> None:
    answer = catalogue.ok("GET", f"{path}?page=1")
    assert answer["page_size"] == 25
    assert len(answer["results"]) == min(25, answer["count"])


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("asked", ["1001", "1000000", "9223372036854775807"])
def test_page_has_at_most_1000_results(catalogue: Client, path: str, asked: str) -> None:
    answer = catalogue.ok("GET", f"{path}?page=1&page_size={asked}")
    assert answer["page_size"] == 1000
    assert len(answer["results"]) == min(1000, answer["count"])


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("page", ["999999", "1000000000000"])
def test_page_after_the_last_is_empty(catalogue: Client, path: str, page: str) -> None:
    answer = catalogue.ok("GET", f"{path}?page={page}&page_size=1000")
    assert answer["results"] == []
    assert answer["count"] > 0


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("page", ["x", "0", "-1", "1.5", "", "1000000000001"])
def test_page_that_is_no_number_is_refused(catalogue: Client, path: str, page: str) -> None:
    answer = catalogue.api("GET", f"{path}?page={page}", status=400).json
    assert list(answer) == ["page", "code"]


@pytest.mark.parametrize("path", LISTS)
def test_nothing_found_is_one_empty_page(catalogue: Client, path: str) -> None:
    answer = catalogue.ok("GET", f"{path}?page=1&search=no-such-thing")
    assert (answer["count"], answer["total_pages"], answer["results"]) == (0, 1, [])


@pytest.mark.parametrize("sort", ["payload_type", "size", "major_iov"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_together_are_the_whole_list_once(catalogue: Client, sort: str, order: str) -> None:
    pages = [
        catalogue.ok("GET", f"payload-iovs?page={n}&page_size=1000&sort={sort}&order={order}")
        for n in range(1, 14)
    ]
    seen = [(r["payload_list"], r["id"]) for page in pages for r in page["results"]]
    assert len(seen) == len(set(seen)) == pages[0]["count"] == MANY + 7


@pytest.mark.parametrize(("path", "count"), [("global-tags", 4), ("pt", 6), ("pl", 5)])
def test_without_a_page_the_list_comes_whole(catalogue: Client, path: str, count: int) -> None:
    assert len(catalogue.ok("GET", f"{path}?page_size=2")) == count


# --- what results look like -----------------------------------------------------


def test_page_of_tags_shows_how_much_each_holds(catalogue: Client) -> None:
    answer = catalogue.ok("GET", "global-tags?page=1")
    counts = [
        (tag["name"], tag["payload_lists_count"], tag["payload_iov_count"])
        for tag in answer["results"]
    ]
    assert counts == [("beta", 1, 2), ("Alpha", 2, MANY + 3), ("gamma", 0, 0), ("delta", 1, 2)]


def test_page_of_lists_shows_how_much_each_holds(catalogue: Client) -> None:
    answer = catalogue.ok("GET", "payload-lists?page=1")
    counts = {each["name"]: each["iov_count"] for each in answer["results"]}
    assert counts == {"Beam_1": MANY, "Field_2": 3, "Beam_3": 2, "Field_4": 0, "Beam_5": 2}


def test_page_of_iovs_names_list_tag_and_type(catalogue: Client) -> None:
    answer = catalogue.ok("GET", "payload-iovs?page=1&payload_list=Beam_3&sort=major_iov")
    first = answer["results"][0]
    assert (first["payload_list"], first["global_tag"], first["payload_type"]) == (
        "Beam_3",
        "beta",
        "Beam",
    )
    assert (first["major_iov"], first["major_iov_end"]) == (0, 1)
    assert (first["dimension"], first["begin"], first["end"]) == ("major-minor", "0,0", "1,0")


def test_page_of_iovs_leaves_out_what_waits(catalogue: Client) -> None:
    assert catalogue.ok("GET", "payload-iovs?page=1&search=waits")["results"] == []


# --- sorting --------------------------------------------------------------------


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(
    ("path", "sort"),
    [
        ("global-tags", "id"),
        ("global-tags", "created"),
        ("global-tags", "updated"),
        ("payload-types", "id"),
        ("payload-types", "created"),
        ("payload-lists", "id"),
        ("payload-lists", "iov_count"),
        ("payload-lists", "created"),
        ("payload-iovs", "id"),
        ("payload-iovs", "major_iov"),
        ("payload-iovs", "minor_iov"),
        ("payload-iovs", "major_iov_end"),
        ("payload-iovs", "inserted"),
    ],
)
def test_results_come_sorted(catalogue: Client, path: str, sort: str, order: str) -> None:
    found = names(catalogue.ok("GET", f"{path}?page=1&sort={sort}&order={order}"), sort)
    assert found == sorted(found, reverse=order == "desc")
    assert len(found) > 3


@pytest.mark.parametrize(
    ("path", "sort", "first", "last"),
    [
        ("global-tags", "author", ["amy"], ["zoe"]),
        ("global-tags", "status", ["locked"], ["unlocked"]),
        ("payload-lists", "payload_type", ["Beam"], ["Field"]),
        ("payload-lists", "name", ["Beam_1"], ["Field_4"]),
        ("payload-iovs", "payload_list", ["Beam_1"], ["Field_2"]),
        ("payload-iovs", "payload_type", ["Beam"], ["Field"]),
    ],
)
def test_results_come_sorted_by_text(
    catalogue: Client, path: str, sort: str, first: list[str], last: list[str]
) -> None:
    query = f"{path}?page=1&page_size=1&sort={sort}"
    key = "name" if sort == "name" else sort
    assert names(catalogue.ok("GET", query), key) == first
    assert names(catalogue.ok("GET", f"{query}&order=desc&search=e"), key) == last


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("sort", ["colour", "id;drop table iov", "nonce", "series"])
def test_unknown_sort_falls_back_to_the_id(catalogue: Client, path: str, sort: str) -> None:
    answer = catalogue.ok("GET", f"{path}?page=1&sort={sort}")
    assert answer == catalogue.ok("GET", f"{path}?page=1&sort=id")


@pytest.mark.parametrize("path", LISTS)
def test_unknown_parameter_is_ignored(catalogue: Client, path: str) -> None:
    answer = catalogue.ok("GET", f"{path}?page=1&colour=red")
    assert answer == catalogue.ok("GET", f"{path}?page=1")


# --- filters and search ---------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("global-tags?page=1&status=locked", ["beta"]),
        ("global-tags?page=1&status=unlocked", ["Alpha", "gamma", "delta"]),
        ("global-tags?page=1&status=nosuch", []),
        ("global-tags?page=1&search=alph", ["Alpha"]),
        ("global-tags?page=1&search=BET", ["beta", "gamma"]),
        ("global-tags?page=1&search=BET&status=locked", ["beta"]),
        ("payload-types?page=1&search=beam", ["Beam"]),
        ("payload-types?page=1&search=I_X", ["cali_x"]),
        ("payload-types?page=1&search=part%25", ["part%"]),
        ("payload-types?page=1&search=%5C", []),
        ("payload-types?page=1&search='", []),
        ("payload-lists?page=1&global_tag=Alpha", ["Beam_1", "Field_2"]),
        ("payload-lists?page=1&global_tag=alpha", []),
        ("payload-lists?page=1&payload_type=Field", ["Field_2", "Field_4"]),
        ("payload-lists?page=1&payload_type=Field&global_tag=Alpha", ["Field_2"]),
        ("payload-lists?page=1&search=beam_", ["Beam_1", "Beam_3", "Beam_5"]),
        ("payload-lists?page=1&search=ALPHA", ["Beam_1", "Field_2"]),
        ("payload-lists?page=1&search=field", ["Field_2", "Field_4"]),
    ],
)
def test_filters_ask_for_equality_and_search_for_a_part(
    catalogue: Client, query: str, found: list[str]
) -> None:
    answer = catalogue.ok("GET", query)
    assert names(answer) == found
    assert answer["count"] == len(found)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("payload_list=Beam_1", MANY),
        ("payload_list=Field_4", 0),
        ("payload_list=nosuch", 0),
        ("global_tag=Alpha", MANY + 3),
        ("global_tag=delta", 2),
        ("payload_type=Beam", MANY + 4),
        ("payload_type=Field&global_tag=Alpha", 3),
        ("payload_type=Field&global_tag=beta", 0),
        ("search=field", 3),
        ("search=x.root", 2),
        ("search=x.root&global_tag=beta", 1),
        ("search=run_11999", 1),
        ("search=run_1199", 11),
        ("search=run%25", 0),
        ("search=.root&payload_list=Beam_3", 2),
    ],
)
def test_iovs_are_filtered_searched_and_counted(catalogue: Client, query: str, count: int) -> None:
    answer = catalogue.ok("GET", f"payload-iovs?page=1&page_size=1000&{query}")
    assert (answer["count"], answer["count_is_lower_bound"]) == (count, False)
    assert len(answer["results"]) == min(count, 1000)


def test_searched_count_stops_at_10000(catalogue: Client) -> None:
    answer = catalogue.ok("GET", "payload-iovs?page=1&search=run_")
    assert (answer["count"], answer["count_is_lower_bound"]) == (10_000, True)
    assert answer["total_pages"] == 400


def test_searched_page_beyond_the_counted_ones_is_answered(catalogue: Client) -> None:
    answer = catalogue.ok("GET", "payload-iovs?page=12&page_size=1000&search=run_&sort=major_iov")
    assert names(answer, "major_iov") == list(range(11_000, 12_000))


def test_clone_is_searched_and_counted_like_its_source(catalogue: Client) -> None:
    source = catalogue.ok("GET", "payload-iovs?page=1&global_tag=beta")
    clone = catalogue.ok("GET", "payload-iovs?page=1&global_tag=delta")
    assert names(clone, "id") == names(source, "id")
    assert names(clone, "payload_list") == ["Beam_5", "Beam_5"]
