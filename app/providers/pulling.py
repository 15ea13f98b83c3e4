"""Fetching a model from the Hugging Face hub into its cache on this machine: the one place where one is downloaded.

Asking never does it. A lost connection is gone on with where it was; when a download breaks off for good, the files
that were whole are kept, and fetching again takes the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.errors import ModelMissing, UsageError

_SMALL = (".json", ".txt", ".model", ".jinja", ".metadata")
_ELSEWHERE = ("onnx/", "openvino/", "original/", "coreml/", "gguf/")  # the same weights for other runtimes
_OFFLINE = "Check the network (and HF_ENDPOINT, HF_HUB_OFFLINE), or copy the model's folder here and name its path."


@dataclass(frozen=True, slots=True)
class Pull:
    """What fetching a model means: its commit, the files Sluice needs, their bytes, and how many are still to come.

    `size` and `missing` are None where the hub does not say how large a file is.
    """

    name: str
    revision: str
    files: tuple[str, ...]
    size: int | None
    missing: int | None


def plan_pull(name: str) -> Pull:
    """Ask the hub what a model consists of. Raises ModelMissing: no such model, no leave to read it, nobody there."""
    from huggingface_hub import HfApi, try_to_load_from_cache

    _check(name)
    with _hub_errors(name):
        found = HfApi().model_info(name, files_metadata=True)
    sizes = {file.rfilename: file.size for file in found.siblings or []}
    files = files_to_fetch(sizes)
    if not any(file.endswith((".safetensors", ".bin")) for file in files):
        raise ModelMissing(f"{name} has no weights that can be read here.", hint="Choose another model.")
    revision = found.sha or "main"
    here = {file for file in files if isinstance(try_to_load_from_cache(name, file, revision=revision), str)}
    return Pull(
        name=name,
        revision=revision,
        files=files,
        size=_sum([sizes[file] for file in files]),
        missing=_sum([sizes[file] for file in files if file not in here]),
    )


def pull(plan: Pull) -> Path:
    """Fetch what is missing, with progress on stderr, and return the folder. Raises ModelMissing as `plan_pull`."""
    from huggingface_hub import snapshot_download

    with _hub_errors(plan.name):
        return Path(snapshot_download(plan.name, allow_patterns=list(plan.files)))


def files_to_fetch(names: Sequence[str] | dict[str, int | None]) -> tuple[str, ...]:
    """Of a repository's files those that opening it needs: settings, tokenizer, and the weights in one format.

    >>> files_to_fetch(["config.json", "model.safetensors", "pytorch_model.bin", "onnx/model.onnx", "README.md"])
    ('config.json', 'model.safetensors')
    """
    ours = [name for name in names if not name.startswith(_ELSEWHERE)]
    safe = [name for name in ours if name.endswith(".safetensors")]
    by_folder = {name.rpartition("/")[0] for name in safe}
    old = [name for name in ours if name.endswith(".bin") and name.rpartition("/")[0] not in by_folder]
    weights = safe + [name for name in old if Path(name).name.startswith("pytorch_model")]
    return tuple(sorted([name for name in ours if name.endswith(_SMALL)] + weights))


def _sum(sizes: Sequence[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _check(name: str) -> None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        try_to_load_from_cache(name, "config.json")  # checks the name before it looks
    except HFValidationError as error:
        raise UsageError(
            f"{name} is no name of the hub.", hint="For example: sluice models pull cross-encoder/ms-marco-MiniLM-L6-v2"
        ) from error


@contextmanager
def _hub_errors(name: str) -> Iterator[None]:
    """What the hub's client raises, as ModelMissing."""
    import httpx2  # what the hub's client speaks with
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    try:
        yield
    except GatedRepoError as error:
        raise ModelMissing(
            f"{name} may be read by those only who have accepted its terms.",
            hint=f"Accept them at huggingface.co/{name}, then: hf auth login",
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelMissing(
            f"The hub has no model {name}, or does not show it to you.",
            hint="Check the name; for a private one: hf auth login",
        ) from error
    except OfflineModeIsEnabled as error:
        raise ModelMissing(f"{name} cannot be fetched: HF_HUB_OFFLINE is set.", hint=_OFFLINE) from error
    except (LocalEntryNotFoundError, httpx2.TransportError, ConnectionError) as error:
        raise ModelMissing(f"{name} cannot be fetched: the hub cannot be reached.", hint=_OFFLINE) from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        said = f"the hub answered with status {status}" if status else "the hub's answer cannot be read"
        raise ModelMissing(
            f"{name} cannot be fetched: {said}.", hint=f"Try again: sluice models pull {name}"
        ) from error
