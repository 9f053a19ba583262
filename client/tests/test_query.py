"""`cdb query`: what it asks, what it prints, how it ends."""

import contextlib
import csv
import io
import json
import os
import pty
import subprocess
import sys

import pytest

from cdb_client.cli import main

POINT = ["query", "GT", "150", "7"]


def test_asks_for_the_tag_and_the_point(cli, service):
    cli.invoke(main, ["query", "GT one", "150", "9223372036854775807", "--url", service.url])

    assert service.targets == [
        "/api/cdb_rest/payloadiovs/?gtName=GT+one&majorIOV=150&minorIOV=9223372036854775807&shape=dict"
    ]


def test_expired_payloads_are_asked_for_by_an_option(cli, service):
    cli.invoke(main, [*POINT, "--expired", "--url", service.url])

    assert service.targets[0].endswith("&shape=dict&expired=include")


def test_url_comes_from_the_environment(cli, service):
    result = cli.invoke(main, POINT, env={"CDB_URL": service.url})

    assert result.exit_code == 0
    assert len(service.targets) == 1


def test_table_of_a_pipe_is_plain_and_complete(cli, service, rows):
    result = cli.invoke(main, [*POINT, "--url", service.url])

    width = len(rows[1]["payload_url"])
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"type         {'payload':{width}}  valid from  valid until",
        f"Beam         {'beam_v2.root':{width}}  100, 0      200, 9007199254740993",
        f"CEMC_Thresh  {rows[1]['payload_url']}  0, 0        ∞",
    ]


def test_end_open_within_its_major_shows_the_major(cli, service, rows):
    service.answers([rows[0] | {"minor_iov_end": 9223372036854775807}])

    result = cli.invoke(main, [*POINT, "--url", service.url])

    assert result.stdout.splitlines()[1].endswith("100, 0      200, ∞")


def test_locale_without_the_sign_gets_the_word(service, rows):
    printed = run([*POINT, "--url", service.url], PYTHONIOENCODING="ascii")

    assert printed.splitlines()[2].endswith("  open")


def test_empty_answer_is_a_table_of_its_headings(cli, service):
    result = cli.invoke(main, [*POINT, "--url", service.url])

    assert result.exit_code == 0
    assert result.stdout == "type  payload  valid from  valid until\n"


def test_text_of_the_server_cannot_steer_the_terminal(cli, service, rows):
    service.answers([rows[0] | {"payload_url": "a\n\x1b[31mb"}])

    result = cli.invoke(main, [*POINT, "--url", service.url])

    assert "a\\n\\x1b[31mb" in result.stdout


def test_json_is_the_answer_with_plain_numbers(cli, service, rows):
    result = cli.invoke(main, [*POINT, "--format", "json", "--url", service.url])

    assert json.loads(result.stdout) == rows
    assert "9223372036854775807" in result.stdout


def test_csv_has_every_field_with_plain_numbers(cli, service, rows):
    result = cli.invoke(main, [*POINT, "--format", "csv", "--url", service.url])

    first, second = csv.DictReader(io.StringIO(result.stdout))
    assert first == {key: str(value) for key, value in rows[0].items()}
    assert second["major_iov_end"] == "9223372036854775807"
    assert (second["size"], second["revision"]) == ("", "")


@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_programs_read_is_utf8_in_every_locale(service, rows, form):
    service.answers([rows[0] | {"payload_url": "é\ud800"}])

    printed = run([*POINT, "--format", form, "--url", service.url], PYTHONIOENCODING="ascii")

    assert "é\\ud800" in printed


def test_terminal_gets_a_framed_table_that_loses_nothing(service, rows):
    shown = run_on_a_terminal([*POINT, "--url", service.url], columns=60)

    lines = [line.split("│") for line in shown.splitlines() if line.startswith("│")]
    payload = "".join(cells[2].strip() for cells in lines[1:])
    assert payload == rows[1]["payload_url"].replace(" ", "")
    assert "…" not in shown


@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_is_for_programs_steers_no_terminal_either(service, rows, form):
    service.answers([rows[0] | {"payload_url": "\x1b[2J\x9b\u202ex"}])

    shown = run_on_a_terminal([*POINT, "--format", form, "--url", service.url], columns=60)

    assert "\\x9b\\u202ex" in shown
    assert all(each.isprintable() or each in "\r\n" for each in shown)


@pytest.mark.parametrize(
    "number", ["-1", "+1", "1_0", " 1", "1.0", "٣", "", "x", "9223372036854775808"]
)
def test_coordinate_outside_the_range_is_a_usage_error(cli, service, number):
    result = cli.invoke(main, ["query", "--url", service.url, "--", "GT", "1", number])

    assert result.exit_code == 2
    assert "is not an integer from 0 to 9223372036854775807" in result.stderr
    assert service.targets == []


@pytest.mark.parametrize("tag", ["", "a\nb", "\udcff"])
def test_tag_that_cannot_be_a_name_is_a_usage_error(cli, service, tag):
    result = cli.invoke(main, ["query", tag, "1", "2", "--url", service.url])

    assert result.exit_code == 2
    assert service.targets == []


def test_unusable_url_is_a_usage_error(cli):
    result = cli.invoke(main, [*POINT, "--url", "localhost:8000"])

    assert result.exit_code == 2
    assert (
        "'localhost:8000' is neither the URL of a service nor the path of a bundle."
        in result.stderr
    )


def test_refusal_shows_detail_and_code(cli, service):
    service.answers({"detail": "No global tag 'GT'.", "code": "not-found"}, status=404)

    result = cli.invoke(main, [*POINT, "--url", service.url])

    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "Error: No global tag 'GT'. [not-found]\n"


def test_field_errors_end_with_1_and_are_shown(cli, service):
    service.answers({"gtName": ["Missing."], "code": "invalid"}, status=400)

    result = cli.invoke(main, [*POINT, "--url", service.url])

    assert result.exit_code == 1
    assert result.stderr == "Error: gtName: Missing. [invalid]\n"


@pytest.mark.parametrize("answer", [{}, ["row"], [{"payload_url": "x"}]])
def test_answer_of_another_shape_ends_with_1(cli, service, answer):
    service.answers(answer)

    result = cli.invoke(main, [*POINT, "--url", service.url])

    assert result.exit_code == 1
    assert result.stderr == "Error: The service's answer is not a list of payloads.\n"


def test_unreachable_service_ends_with_3_and_one_line(cli, refusing_url):
    result = cli.invoke(main, [*POINT, "--url", refusing_url])

    assert (result.exit_code, result.stdout) == (3, "")
    told = f"Error: No answer from {refusing_url}: Connection refused. (request "
    assert result.stderr.startswith(told)


def test_silent_service_ends_with_3_after_the_time_limit(cli, silent_url):
    result = cli.invoke(main, [*POINT, "--timeout", "1", "--url", silent_url])

    assert result.exit_code == 3
    assert "nothing received for 1 s." in result.stderr


SCRIPT = "from cdb_client.cli import main; main(prog_name='cdb')"


def run(arguments, **environment):
    command = [sys.executable, "-c", SCRIPT, *arguments]
    done = subprocess.run(
        command, env=os.environ | environment, stdout=subprocess.PIPE, check=True
    )
    return done.stdout.decode()


def run_on_a_terminal(arguments, columns):
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": str(columns)}
    command = [sys.executable, "-X", "utf8", "-c", SCRIPT, *arguments]
    with os.fdopen(ours, "rb", buffering=0) as screen:
        with os.fdopen(theirs, "wb") as terminal:
            subprocess.run(command, env=environment, stdout=terminal, check=True)
        return b"".join(_read_until_closed(screen)).decode()


def _read_until_closed(screen):
    # Linux ends the reading side of a closed terminal by an error.
    with contextlib.suppress(OSError):
        while data := screen.read(4096):
            yield data
