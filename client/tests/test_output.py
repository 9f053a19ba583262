"""What all commands share: how things are printed, and how a command ends."""

import csv
import io
import json

import click
import pytest

from cdb_client.cli import main
from cdb_client.commands.failures import failures
from cdb_client.commands.output import Coloured, show, show_one, status

TAG = {"name": "Prod", "status": "frozen", "digest": None}


def printed(capsysbinary):
    return capsysbinary.readouterr().out.decode()


def test_csv_has_the_fields_of_all_rows(capsysbinary):
    show([{"a": 1}, {"a": 2, "b": "x"}], {}, "csv")

    assert printed(capsysbinary) == "a,b\n1,\n2,x\n"


def test_csv_of_named_fields_has_its_header_without_rows(capsysbinary):
    show([], {}, "csv", ["a", "b"])

    assert printed(capsysbinary) == "a,b\n"


def test_csv_writes_what_is_nested_as_json(capsysbinary):
    show_one({"options": {"pattern": 'a"b'}, "types": ["é"], "full": True}, "csv")

    (row,) = csv.DictReader(io.StringIO(printed(capsysbinary)))
    assert {name: json.loads(value) for name, value in row.items()} == {
        "options": {"pattern": 'a"b'},
        "types": ["é"],
        "full": True,
    }


@pytest.mark.parametrize("count", [0, 1, 3, 1200])
def test_json_that_is_written_as_it_comes_is_one_list(capsysbinary, count):
    rows = [{"number": 9007199254740993 + each, "nested": [each]} for each in range(count)]

    show(iter(rows), {}, "json")

    assert json.loads(printed(capsysbinary)) == rows


def test_what_fails_at_once_prints_nothing(capsysbinary):
    def refused():
        raise ValueError
        yield {}

    for form in ("json", "csv"):
        with pytest.raises(ValueError, match=r"^$"):
            show(refused(), {}, form, ["a"])

    assert printed(capsysbinary) == ""


def test_a_status_has_its_colour():
    assert status(TAG).colour == "cyan"
    assert not isinstance(status({"status": "validated"}), Coloured)


@pytest.mark.parametrize(("variable", "shown"), [("", "\x1b[36mfrozen\x1b[0m"), ("1", "frozen")])
def test_colours_of_one_thing_are_as_the_variable_says(cli, monkeypatch, variable, shown):
    monkeypatch.setenv("NO_COLOR", variable)

    @click.command()
    def command():
        show_one(TAG, "table", hidden=["name", "digest"])

    result = cli.invoke(command, color=True)

    assert result.output == f"\x1b[1mstatus\x1b[0m  {shown}\n"


def test_a_name_that_is_taken_ends_with_6(cli, service):
    service.answers({"name": ["Exists already."], "code": "name-taken"}, status=400)

    result = cli.invoke(main, ["gt", "list", "--url", service.url])

    assert result.exit_code == 6


@pytest.mark.parametrize("command", [["gt", "list"], ["gt", "show", "A"], ["log"]], ids=" ".join)
@pytest.mark.parametrize("answer", [[], {}, "text", None])
def test_an_answer_of_another_shape_ends_with_1(cli, service, command, answer):
    service.answers(answer)

    result = cli.invoke(main, [*command, "--url", service.url])

    assert result.exit_code == 1
    assert "is this the service's base URL?" in result.stderr


def test_an_interrupted_command_ends_with_130(cli):
    @click.command()
    def command():
        with failures():
            raise KeyboardInterrupt

    assert cli.invoke(command).exit_code == 130
