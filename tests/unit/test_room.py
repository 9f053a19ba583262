"""Room that is taken beforehand: a process that lacked it later would be ended by the system."""

from pathlib import Path

from cdb.rest import tallies
from cdb.store import room
from cdb.store.compiled import CompiledFile


def has_its_room(file: Path) -> bool:
    found = file.stat()
    return found.st_size > 0 and found.st_blocks * 512 >= found.st_size


def test_room_is_taken_beforehand_and_nothing_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "mapped"
    with file.open("wb") as sparse:
        sparse.write(b"what is there")
        sparse.truncate(2**20)
    was = file.read_bytes()
    assert not has_its_room(file)
    room.take(file)
    assert has_its_room(file)
    assert file.read_bytes() == was


def test_file_without_anything_needs_no_room(tmp_path: Path) -> None:
    room.take(tmp_path / "empty")
    assert (tmp_path / "empty").read_bytes() == b""


def test_who_reads_compiled_lists_has_room_to_say_so(tmp_path: Path) -> None:
    file = CompiledFile.opened(tmp_path, 2**20)
    assert has_its_room(tmp_path / "lock.mdb")
    assert file.size == 0


def test_process_has_room_for_what_it_counts(tmp_path: Path) -> None:
    tallies.take_room(tmp_path)
    made = list(tmp_path.glob("*.db"))
    assert len(made) == 3
    assert all(map(has_its_room, made))
