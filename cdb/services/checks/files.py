"""The check of payload files against what the database says of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from cdb.errors import CdbError
from cdb.services.checks.check import Check, Job, Part, Severity, Wrong
from cdb.store import payloads
from cdb.store.payload_files import PayloadFiles
from cdb.store.payloads import PayloadRecord

FILES = 100
"""Payload files that are looked at between two reads of the database."""

_THREADS = 8
"""Payload files that are looked at at a time: most of it is to wait."""


def files_of(files: PayloadFiles) -> Check:
    """Return the check of the files of a payload store."""
    return Check("files", Severity.ERROR, partial(_files, files))


def _files(files: PayloadFiles, job: Job) -> Iterator[Part]:
    look = _read_file if job.wanted.files else _look_at_file
    done, after = 0, 0
    with ThreadPoolExecutor(_THREADS) as pool:
        while True:
            with job.database.statement() as reader:
                page = payloads.page(reader, after, FILES, job.tag_id)
            problems = pool.map(partial(look, files), page)
            told = [
                Wrong(f"payload {record.path}", problem)
                for record, problem in zip(page, problems, strict=True)
                if problem
            ]
            done += len(page)
            yield Part(told, len(told), done, None)
            if len(page) < FILES:
                return
            after = page[-1].id


def _look_at_file(files: PayloadFiles, record: PayloadRecord) -> str | None:
    try:
        size = files.size(record.path)
    except CdbError as error:
        return error.detail
    if size is None:
        return "Its file is missing."
    if size != record.size:
        return f"Its file has {size} bytes, not {record.size}."
    return None


def _read_file(files: PayloadFiles, record: PayloadRecord) -> str | None:
    """Return what is wrong with a file; one of another size needs no reading."""
    if problem := _look_at_file(files, record):
        return problem
    try:
        found = files.measured(record.path)
    except CdbError as error:
        return error.detail
    for name, actual, noted in (
        ("MD5", found.md5, record.checksum),
        ("SHA-256", found.sha256, record.sha256),
    ):
        if actual != noted:
            return f"The {name} of its file is {actual}, not {noted}."
    return None
