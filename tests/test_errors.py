"""Files that cannot be read or written, as errors of ours."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from app.errors import DiskError, disk_errors


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "votes").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(DiskError, match="votes/handbook.jsonl: Not a directory") as caught, disk_errors():
        (tmp_path / "votes" / "handbook.jsonl").open("a", encoding="utf-8")
    assert f"ls -ld {tmp_path / 'votes'}; df -h" in caught.value.hint


def test_a_full_disk_names_no_file() -> None:
    with pytest.raises(DiskError, match="The disk cannot be written to: No space left on device"), disk_errors():
        raise OSError(errno.ENOSPC, "No space left on device")


def test_what_is_about_no_file_stays_a_defect() -> None:
    with pytest.raises(ConnectionResetError), disk_errors():
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
