"""Sluice's errors. Every one carries a message and a hint: the next thing to type.

SluiceError
|-- SettingsError              a setting that cannot be used
|-- LibraryError
|   |-- LibraryNotFound
|   |-- EmbedderMismatch       the library was filled with another embedding model
|   |-- LibraryLocked          another ingest holds the write lock
|   |-- LibraryFull            no room on the disk to write it; what was published before is whole
|   `-- LibraryDamaged         the catalogue or the index cannot be read
|-- DocumentError              one file cannot be read; ingest goes on with the rest
|-- ModelError
|   |-- ModelMissing           weights are not on this machine
|   `-- ModelDamaged           a checksum or a file is wrong
|-- CalibrationError           a calibration that does not belong to this scorer, or cannot be read
|-- DiskError                  a file or folder of ours cannot be read or written: rights, space, a path that is none
|-- MachineError               this machine has no room for another process: memory, open files, a limit of its user
|-- ProviderError              someone else's service
|   |-- ProviderTimeout
|   |-- ProviderUnreachable
|   |-- ProviderAuth           the key is missing or refused
|   |-- ProviderRateLimited
|   |-- ProviderRejected       the request was refused: model name, size, parameters
|   |-- ProviderBroken         5xx
|   |-- ProviderPaused         failed too often in a row: not asked until some time has passed
|   `-- ProviderNonsense       an answer that is off: wrong count, index, NaN, not JSON
`-- UsageError                 the command line or the call is off

Errors are caught in the CLI and in the UI page, nowhere else; a refusal is a result and not among them.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL_OR_BROKEN = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


class SluiceError(Exception):
    """Base of all errors shown to a person: what happened, and what to type next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:  # keeps message and hint across processes
        return (_rebuild, (type(self), self.message, self.hint))


def _rebuild(kind: type[SluiceError], message: str, hint: str) -> SluiceError:
    return kind(message, hint=hint)


class SettingsError(SluiceError): ...


class LibraryError(SluiceError): ...


class LibraryNotFound(LibraryError): ...


class EmbedderMismatch(LibraryError): ...


class LibraryLocked(LibraryError): ...


class LibraryFull(LibraryError): ...


class LibraryDamaged(LibraryError): ...


class DocumentError(SluiceError): ...


class ModelError(SluiceError): ...


class ModelMissing(ModelError): ...


class ModelDamaged(ModelError): ...


class CalibrationError(SluiceError): ...


class ProviderError(SluiceError): ...


class ProviderTimeout(ProviderError): ...


class ProviderUnreachable(ProviderError): ...


class ProviderAuth(ProviderError): ...


class ProviderRateLimited(ProviderError): ...


class ProviderRejected(ProviderError): ...


class ProviderBroken(ProviderError): ...


class ProviderPaused(ProviderError): ...


class ProviderNonsense(ProviderError): ...


class DiskError(SluiceError): ...


class MachineError(SluiceError): ...


class UsageError(SluiceError): ...


@contextmanager
def disk_errors() -> Iterator[None]:
    """Within it a file that cannot be read or written is a DiskError. An OSError that is about no file (a socket, say)
    stays one: it is a defect.

    >>> with disk_errors():
    ...     raise PermissionError(13, "Permission denied", "/labels/votes.jsonl")
    Traceback (most recent call last):
    app.errors.DiskError: /labels/votes.jsonl: Permission denied.
    """
    try:
        yield
    except OSError as error:
        said = error.strerror or type(error).__name__
        if isinstance(error.filename, str | bytes):
            path = Path(os.fsdecode(error.filename))
            hint = f"Look whether you may write there and whether there is room: ls -ld {path.parent}; df -h"
            raise DiskError(f"{path}: {said}.", hint=hint) from error
        if error.errno in _FULL_OR_BROKEN:  # from a write, which names no file
            raise DiskError(f"The disk cannot be written to: {said}.", hint="Look which one is full: df -h") from error
        raise
