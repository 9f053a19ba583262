"""What comes back from a service, and what each kind of failure becomes."""

import pytest

from cdb_client.errors import ConfigError, NotJson, ServiceError, Unreachable
from cdb_client.http import Service


def get(url, **limits):
    with Service(url, patience=0, **limits) as service:
        return service.get("payloadiovs/", {"gtName": "tag &/ä", "majorIOV": 5})


def test_answer_keeps_64_bit_integers_exact(service):
    service.answers([9223372036854775807, 9007199254740993])

    assert get(service.url) == [9223372036854775807, 9007199254740993]


@pytest.mark.parametrize("end", ["", "/"])
def test_base_url_may_end_in_a_slash(service, end):
    get(service.url + end)

    assert service.targets == [
        "/api/cdb_rest/payloadiovs/?gtName=tag+%26%2F%C3%A4&majorIOV=5",
    ]


def test_refusal_carries_status_code_and_detail(service):
    service.answers({"detail": "No global tag 'X'.", "code": "not-found"}, status=404)

    with pytest.raises(ServiceError, match=r"^No global tag 'X'\.$") as refusal:
        get(service.url)

    assert (refusal.value.status, refusal.value.code) == (404, "not-found")


def test_field_errors_become_one_sentence_each(service):
    body = {"majorIOV": ["Missing."], "gtName": ["Too long.", "Odd."], "code": "invalid"}
    service.answers(body, status=400)

    with pytest.raises(ServiceError, match=r"^majorIOV: Missing\.; gtName: Too long\. Odd\.$"):
        get(service.url)


@pytest.mark.parametrize("body", [{}, [], "no", None, {"detail": 5, "code": 7}])
def test_refusal_without_a_known_shape_names_the_status(service, body):
    service.answers(body, status=403)

    with pytest.raises(ServiceError, match=r"^403 Forbidden\.$") as refusal:
        get(service.url)

    assert refusal.value.code is None


def test_status_without_a_name_is_reported_by_number(service):
    service.answers({}, status=599)

    with pytest.raises(ServiceError, match=r"^Status 599\.$"):
        get(service.url)


def test_a_proxys_error_page_is_reported_by_status_and_type(service):
    service.answers_html(status=502)

    with pytest.raises(ServiceError, match=r"502 Bad Gateway.*not JSON \(text/html\)") as refusal:
        get(service.url)

    assert (refusal.value.status, refusal.value.code) == (502, None)


def test_a_web_page_with_status_200_asks_for_the_base_url(service):
    service.answers_html(status=200)

    with pytest.raises(NotJson, match="is this the service's base URL"):
        get(service.url)


def test_refused_connection_is_unreachable(refusing_url):
    with pytest.raises(Unreachable, match="Connection refused"):
        get(refusing_url)


def test_silence_is_unreachable_after_the_read_limit(silent_url):
    with pytest.raises(Unreachable, match=r"nothing received for 0\.05 s"):
        get(silent_url, read=0.05)


def test_an_answer_that_breaks_off_is_unreachable(service):
    service.missing_bytes = 5

    with pytest.raises(Unreachable, match="IncompleteRead"):
        get(service.url)


def test_a_password_in_the_url_stays_out_of_messages(refusing_url):
    with pytest.raises(Unreachable, match=r"^No answer from http://127") as failure:
        get(refusing_url.replace("//", "//user:secret@"))

    assert "secret" not in str(failure.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "ftp://host/",
        "http://",
        "http://[::1",
        "http://h:99999",
        "http://\udcff",
    ],
)
def test_what_is_no_http_url_is_refused_at_once(url):
    with pytest.raises(ConfigError, match="not an http or https URL"):
        Service(url)


@pytest.mark.parametrize("url", ["http://host/api?x=1", "http://host/api#part"])
def test_a_base_url_has_neither_query_nor_fragment(url):
    with pytest.raises(ConfigError, match="query or a fragment"):
        Service(url)
