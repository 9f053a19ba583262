"""The command itself: registered verbs, lazy loading, help, version."""

import subprocess
import sys
from importlib.metadata import version

from cdb_client.cli import main

WORKING = """
import click

@click.command()
@click.argument("word")
def verb(word):
    "Say a word."
    click.echo(f"said {word}")
"""


def test_version_is_the_distributions(cli):
    result = cli.invoke(main, ["--version"])

    assert result.output == f"cdb {version('hep-cdb-client')}\n"


def test_registered_verb_runs(cli, install):
    install("good_one", "say = good_one:verb", WORKING)

    result = cli.invoke(main, ["say", "hello"])

    assert (result.exit_code, result.output) == (0, "said hello\n")


def test_help_lists_registered_verbs(cli, install):
    install("good_two", "say = good_two:verb", WORKING)

    result = cli.invoke(main, ["--help"])

    assert "Say a word." in result.output


def test_own_verb_imports_no_registered_one(cli, install, refusing_url):
    install("costly_one", "costly = costly_one:verb", WORKING)

    cli.invoke(main, ["query", "GT", "1", "2", "--url", refusing_url])

    assert "costly_one" not in sys.modules


def test_registered_verb_imports_no_other_one(cli, install):
    install("good_three", "say = good_three:verb", WORKING)
    install("costly_two", "costly = costly_two:verb", WORKING)

    cli.invoke(main, ["say", "hello"])

    assert "costly_two" not in sys.modules


def test_verb_that_cannot_be_imported_names_distribution_and_reason(cli, install):
    install("bad_one", "bad = bad_one:verb", "import no_such_module")

    result = cli.invoke(main, ["bad", "sub", "--option", "5"], prog_name="cdb")

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: 'cdb bad' cannot be loaded: bad_one 1.2: "
        "ModuleNotFoundError: No module named 'no_such_module'\n"
    )


def test_reason_of_several_lines_is_shown_in_one(cli, install):
    install("bad_two", "bad = bad_two:verb", "raise RuntimeError('first\\nsecond')")

    result = cli.invoke(main, ["bad", "--help"])

    assert result.stderr.endswith("RuntimeError: first second\n")
    assert result.stderr.count("\n") == 1


def test_help_marks_broken_verbs_and_lists_the_others(cli, install):
    install("bad_three", "bad = bad_three:verb", "import no_such_module")
    install("good_four", "say = good_four:verb", WORKING)

    result = cli.invoke(main, ["--help"])

    assert result.exit_code == 0
    assert "[broken] bad_three 1.2: ModuleNotFoundError" in result.output
    assert "Say a word." in result.output


def test_object_that_is_no_command_is_broken(cli, install):
    install("bad_four", "bad = bad_four:verb", "verb = 5")

    result = cli.invoke(main, ["bad"])

    assert result.stderr.endswith("bad_four 1.2: bad_four:verb is int, no command\n")


def test_verb_that_two_distributions_register_names_both(cli, install):
    install("twin_a", "twin = twin_a:verb", WORKING)
    install("twin_b", "twin = twin_b:verb", WORKING)

    result = cli.invoke(main, ["twin", "hello"])

    assert result.exit_code == 1
    assert "several distributions register it: twin_a 1.2, twin_b 1.2" in result.stderr


def test_unknown_verb_is_a_usage_error(cli):
    result = cli.invoke(main, ["nonsense"])

    assert result.exit_code == 2
    assert "nonsense" in result.stderr


def test_importing_the_command_imports_nothing_slow():
    script = (
        "import sys; import cdb_client.cli; "
        "print([name for name in ('rich', 'requests', 'cdb') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert done.stdout.decode() == "[]\n"
