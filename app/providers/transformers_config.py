"""What a transformers folder says about itself, read from its JSON files without importing transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.errors import ModelDamaged

_DEFAULT = 512
_NO_LIMIT = 100_000  # tokenizers without a limit write 1e30
_OFFSET = {"roberta", "xlm-roberta", "camembert"}  # their positions start at 2


def read_config(folder: Path) -> dict[str, Any]:
    """config.json. Raises ModelDamaged when it is missing or not JSON."""
    return _read(folder / "config.json")


def window_of(folder: Path) -> int:
    """Tokens the model reads at once, special ones included: the least of what its files say, else 512."""
    config = read_config(folder)
    positions = config.get("max_position_embeddings")
    limits = []
    if isinstance(positions, int):
        limits.append(positions - 2 if config.get("model_type") in _OFFSET else positions)
    for name, key in (("tokenizer_config.json", "model_max_length"), ("sentence_bert_config.json", "max_seq_length")):
        if (folder / name).is_file():
            value = _read(folder / name).get(key)
            if isinstance(value, int | float) and 0 < value < _NO_LIMIT:
                limits.append(int(value))
    return min(limits, default=_DEFAULT)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelDamaged(f"{path} cannot be read: {error}", hint="Download or copy the model again.") from error
    if not isinstance(found, dict):
        raise ModelDamaged(f"{path} holds no settings.", hint="Download or copy the model again.")
    return found
