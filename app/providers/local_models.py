"""Model folders on this machine: a path of one's own, or what the Hugging Face cache already holds. Nothing is loaded
from the network here, so nothing is ever downloaded inside a question."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from app.errors import ModelMissing

_WEIGHTS = ("*.safetensors", "*.bin", "*.onnx")
_ONE_FILE = ("model.safetensors", "pytorch_model.bin", "model.onnx", "onnx/model.onnx")
_PARTED = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "sentencepiece.bpe.model", "spm.model")


def locate(name: str) -> Path:
    """The folder of a model given by path or hub name. Raises ModelMissing, saying how to get it."""
    own = Path(name).expanduser()
    if own.is_dir():
        return own
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelMissing(f"There is no model folder {name}.", hint="Check the path.")
    from huggingface_hub import snapshot_download, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        config = try_to_load_from_cache(name, "config.json")
        if isinstance(config, str):  # a snapshot without the files that Sluice did not need counts as incomplete there
            return Path(config).parent
        return Path(snapshot_download(name, local_files_only=True))
    except LocalEntryNotFoundError:
        raise ModelMissing(f"The model {name} is not on this machine.", hint=f"sluice models pull {name}") from None
    except HFValidationError as error:
        raise ModelMissing(f"{name} is neither a folder nor a hub name: {error}", hint="Check the name.") from None


def in_cache(name: str) -> bool:
    """Whether the hub's cache on this machine has something of a model; quick, and says nothing about its weights."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        return False


def is_whole(folder: Path) -> bool:
    """Whether a model's folder holds its settings, a tokenizer and all of its weights: a download may have been cut."""
    if not (folder / "config.json").is_file() or not any((folder / name).is_file() for name in _TOKENIZERS):
        return False
    if any((folder / name).is_file() for name in _ONE_FILE):
        return True
    for name in _PARTED:
        if (folder / name).is_file():
            try:
                parts = set(json.loads((folder / name).read_text(encoding="utf-8"))["weight_map"].values())
            except (ValueError, KeyError, AttributeError, TypeError):
                return False
            return all((folder / str(part)).is_file() for part in parts)
    return False


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
