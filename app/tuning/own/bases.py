"""What a tuned scorer starts from, by name, and how it is written to the fast path afterwards."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from app.errors import UsageError
from app.providers.local_models import revision_of
from app.providers.onnx_export import export_classifier, quantise, weight_levels
from app.providers.prepared import read_prepared, write_prepared
from app.providers.reranking.registry import BUNDLED
from app.providers.reranking.tuned import model_folder
from app.providers.transformers_config import read_config, window_of
from app.tuning.dequantise import recovered
from app.tuning.export import RECIPE, bundle
from app.tuning.hub_model import HubCrossEncoder, open_hub
from app.tuning.mining import tokenizer
from app.tuning.model import CrossEncoder, ModelPlan, start
from app.tuning.trainable import Trainable

MINILM, BUNDLED_BASE = "all-MiniLM-L6-v2", "bundled"
_WINDOW = 384
_SEED = 17

Pairs = Sequence[tuple[str, str]]
Write = Callable[[Path, str, Pairs, dict[str, object]], Path]


@dataclass(frozen=True, slots=True)
class Base:
    """A model to start from. `name` as it is set, `revision` of its weights, `window` in tokens. `cutter` is its
    tokenizer, which cuts passages to the window. `scorer` is the setting name under which it can be asked untrained;
    None where it ranks nothing yet. `write(target, name, samples, facts)` writes a prepared folder.
    """

    name: str
    revision: str
    window: int
    model: Trainable
    cutter: Any
    scorer: str | None
    write: Write


def open_base(name: str, home: Path, *, window: int | None = None) -> Base:
    """`bundled`, `all-MiniLM-L6-v2`, `tuned:NAME`, or a hub cross-encoder by name or path that is on this machine.

    `window` shortens what is read. Raises UsageError for a window that leaves no room, ModelMissing, ModelDamaged or
    ModelError.
    """
    if window is not None and window < 32:
        raise UsageError(f"--window {window} leaves no room for a passage.", hint="For example: --window 256")
    if name == MINILM:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_SEED)  # a run that goes on before its first checkpoint must start from the same head
            model = start(ModelPlan(layers=4))
        return _of_ours(name, f"{MINILM}-l4", model, window, None)
    if name == BUNDLED_BASE or name.startswith("tuned:"):
        folder = BUNDLED if name == BUNDLED_BASE else model_folder(home, name.removeprefix("tuned:"))
        return _of_ours(name, read_prepared(folder, check=False).revision, recovered(folder), window, name)
    hub_name = name.removeprefix("cross-encoder:")
    hub, folder = open_hub(hub_name)
    most = window_of(folder) if window is None else min(window, window_of(folder))
    cutter = Tokenizer.from_file(str(folder / "tokenizer.json"))
    cutter.no_padding()
    cutter.enable_truncation(most, strategy="longest_first")
    return Base(
        name=hub_name,
        revision=revision_of(folder),
        window=most,
        model=hub,
        cutter=cutter,
        scorer=f"cross-encoder:{hub_name}",
        write=lambda target, called, _samples, facts: _write_hub(hub, folder, target, called, most, facts),
    )


def _of_ours(name: str, revision: str, model: CrossEncoder, window: int | None, scorer: str | None) -> Base:
    most = _WINDOW if window is None else min(window, _WINDOW)

    def write(target: Path, called: str, samples: Pairs, facts: dict[str, object]) -> Path:
        return bundle(model, target, name=called, samples=samples, window=most, facts=facts)

    cutter = tokenizer(most)
    cutter.enable_truncation(most, strategy="longest_first" if most <= 256 else "only_second")
    return Base(name, revision, most, model, cutter, scorer, write)


def _write_hub(
    model: HubCrossEncoder, source: Path, target: Path, name: str, window: int, facts: dict[str, object]
) -> Path:
    config = read_config(source)

    def fill(folder: Path) -> dict[str, object]:
        with tempfile.TemporaryDirectory(dir=folder.parent) as beside, torch.no_grad():
            model.classifier.eval().save_pretrained(beside)
            export_classifier(Path(beside), folder / "full.onnx")
        shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
        quantise(
            folder / "full.onnx",
            folder / "model.onnx",
            folder / "tokenizer.json",
            heads=int(config["num_attention_heads"]),
            hidden=int(config["hidden_size"]),
            window=window,
        )
        (folder / "full.onnx").unlink()
        digest = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
        return {
            "schema": 1,
            "name": name,
            "revision": digest[:12],
            "precision": RECIPE,
            "window": window,
            "weight_levels": weight_levels(),
            "versions": {p: importlib.metadata.version(p) for p in ("onnx", "onnxruntime", "torch", "transformers")},
            **facts,
        }

    return write_prepared(target, fill, force=True)
