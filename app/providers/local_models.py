"""Model folders on this machine: a path of one's own, or what the Hugging Face cache already holds. Nothing is loaded
from the network here, so nothing is ever downloaded inside a question."""

from __future__ import annotations

import hashlib
from pathlib import Path

from app.errors import ModelMissing

_WEIGHTS = ("*.safetensors", "*.bin", "*.onnx")


def locate(name: str) -> Path:
    """The folder of a model given by path or hub name. Raises ModelMissing, saying how to get it."""
    own = Path(name).expanduser()
    if own.is_dir():
        return own
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelMissing(f"There is no model folder {name}.", hint="Check the path.")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except LocalEntryNotFoundError:
        raise ModelMissing(f"The model {name} is not on this machine.", hint=f"hf download {name}") from None
    except HFValidationError as error:
        raise ModelMissing(f"{name} is neither a folder nor a hub name: {error}", hint="Check the name.") from None


def revision_of(folder: Path) -> str:
    """What tells two versions of a model apart: the hub's commit, or a hash of the weights. Twelve hex digits."""
    if folder.parent.name == "snapshots":
        return folder.name[:12]
    digest = hashlib.sha256()
    for pattern in _WEIGHTS:
        for file in sorted(folder.rglob(pattern)):
            digest.update(file.relative_to(folder).as_posix().encode())
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:12]
