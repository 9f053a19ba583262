"""The folder that processes share: whole files or none, bounded, and never needed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cdb_client.cache import Cache

WRITER = """
import sys
from pathlib import Path
from cdb_client.cache import Cache
folder, seed = Path(sys.argv[1]), int(sys.argv[2])
cache = Cache(folder, 0.1)
for number in range(150):
    name = f"{(number * 7 + seed * 13) % 90:03d}"
    data = cache.read("payloads", name)
    assert data is None or data == name.encode() * 1000, "half a file"
    if data is None:
        cache.write(name.encode() * 1000, "payloads", name)
"""
HALF = """
import os, sys
from pathlib import Path
from cdb_client.cache import Cache
with Cache(Path(sys.argv[1]), 1).filling("payloads", "x") as file:
    file.write(b"half")
    file.flush()
    os._exit(9)
"""


def run(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)])


def long_ago(path: Path) -> None:
    path.touch()
    yesterday = time.time() - 25 * 3600
    os.utime(path, (yesterday, yesterday))


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_what_is_written_is_read(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "new" / "cache", 1)

    cache.write(b"content", "answers", "one")
    cache.write(b"replaced", "answers", "one")
    cache.write(b"content", "answers", "two")

    assert cache.read("answers", "one") == b"replaced"
    assert cache.names("answers") == ["one", "two"]
    assert cache.read("answers", "three") is None
    cache.remove("answers", "one")
    assert cache.names("answers") == ["two"]


def test_without_a_folder_nothing_is_kept() -> None:
    cache = Cache(None, 1)

    cache.write(b"content", "answers", "one")

    assert cache.read("answers", "one") is None
    assert cache.names("answers") == []


def test_what_fails_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1)

    with pytest.raises(ZeroDivisionError), cache.filling("payloads", "one") as file:
        file.write(bytes(1 // 0))

    assert list(tmp_path.rglob("*")) == [tmp_path / "payloads"]


def test_what_a_killed_process_leaves_is_never_read_and_goes_after_a_day(tmp_path: Path) -> None:
    assert run(HALF, tmp_path).wait(timeout=120) == 9
    [left] = (tmp_path / "payloads").iterdir()
    cache = Cache(tmp_path, 10**-5)
    assert cache.read("payloads", "x") is None
    assert cache.names("payloads") == []

    long_ago(left)
    cache.write(b"content", "payloads", "y")

    assert not left.exists()


def test_what_was_not_used_for_the_longest_time_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 0.003)
    for number, name in enumerate("abc"):
        cache.write(b"x" * 900, name)
        os.utime(tmp_path / name, (number, number))
    assert cache.read("a")

    cache.write(b"x" * 900, "d")

    assert cache.names() == ["a", "c", "d"]


def test_a_file_that_is_larger_than_the_cache_does_not_stay(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 0.001)

    cache.write(b"x" * 2000, "large")

    assert cache.names() == []


def test_a_cache_is_bounded_over_many_processes(tmp_path: Path) -> None:
    for seed in range(3):
        Cache(tmp_path, 0.001).write(bytes(200), str(seed))
    long_ago(tmp_path / ".lock")
    Cache(tmp_path, 0.0005).write(b"", "first of a process")

    assert size_of(tmp_path) <= 500


def test_processes_that_write_and_make_room_at_once_see_whole_files(tmp_path: Path) -> None:
    writers = [run(WRITER, tmp_path, seed) for seed in range(4)]

    assert [writer.wait(timeout=120) for writer in writers] == [0] * 4
    long_ago(tmp_path / ".lock")
    Cache(tmp_path, 0.1).write(b"", "payloads", "first of a process")
    assert 0 < size_of(tmp_path) <= 100_000


def test_a_file_that_another_process_removes_is_not_there(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1)
    cache.write(b"content", "one")
    place = cache.place("one")
    assert place

    place.unlink()

    assert cache.place("one") is None
    assert cache.read("one") is None


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    cache = Cache(blocked, 1)

    cache.write(b"content", "answers", "one")
    cache.remove("answers", "one")

    assert cache.read("answers", "one") is None
    assert cache.names("answers") == []
    with pytest.raises(OSError), cache.filling("answers", "one"):  # noqa: PT011 - of whatever kind
        pass
