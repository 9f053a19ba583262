"""Files and folders on their way to their names, and what is left where none got there."""

import os
from pathlib import Path

import pytest

from cdb.store.partial import becoming

AN_HOUR, TWO_DAYS = 3600, 48 * 3600


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def leave(folder: Path, name: str, seconds: float, *, is_folder: bool = False) -> str:
    """Leave what a process leaves that was killed while it wrote, so many seconds ago."""
    with becoming(folder / name) as partial:
        (partial / "below").mkdir(parents=True) if is_folder else partial.touch()
    left = (folder / name).rename(partial)
    at = left.stat().st_mtime - seconds
    os.utime(left, (at, at))
    return left.name


@pytest.mark.parametrize("is_folder", [False, True], ids=["file", "folder"])
def test_what_a_killed_process_left_is_removed_two_days_later(
    tmp_path: Path, is_folder: bool
) -> None:
    leave(tmp_path, "tag.cdb", TWO_DAYS, is_folder=is_folder)
    with becoming(tmp_path / "tag.cdb") as partial:
        partial.touch()
    assert names(tmp_path) == ["tag.cdb"]


def test_what_somebody_may_be_writing_stays_and_is_in_nobodys_way(tmp_path: Path) -> None:
    young = leave(tmp_path, "tag.cdb", AN_HOUR)
    with becoming(tmp_path / "tag.cdb") as partial:
        partial.touch(exist_ok=False)
    assert names(tmp_path) == [young, "tag.cdb"]


def test_what_was_left_of_another_name_stays(tmp_path: Path) -> None:
    other = leave(tmp_path, "tag.cdb.payloads", TWO_DAYS)
    with becoming(tmp_path / "other.cdb") as partial:
        partial.touch()
    assert names(tmp_path) == [other, "other.cdb"]


def test_a_device_or_a_pipe_stays_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError, match="a device or a pipe"), becoming(tmp_path / "pipe"):
        pass
    assert (tmp_path / "pipe").is_fifo()
    assert names(tmp_path) == ["pipe"]
