"""What a run was made of: enough to say whether two runs may be compared, and whether one may be gone on with.

manifest.json (schema 1) holds these fields by name. Everything but `created` and the question set's source is identity.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.domain import CalibrationKind, GatePolicy, RetrievalMode
from app.errors import SluiceError
from app.shapes import misshapen

SCHEMA = 1
_PACKAGES = ("sluice", "numpy", "onnxruntime", "tokenizers", "chromadb", "sentence-transformers", "ir-measures")


class ManifestDamaged(SluiceError):
    """A run folder's manifest cannot be read."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The question set: its fingerprint and size, and the seeded sample that was asked (None: all)."""

    name: str
    fingerprint: str
    questions: int
    asked: int
    sample: int | None
    seed: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class LibraryNote:
    """The library's generation that was asked."""

    name: str
    generation: int
    documents: int
    chunks: int
    embedder: str


@dataclass(frozen=True, slots=True)
class ConfigurationNote:
    """One configuration, the scorer id that ran, the calibration it was judged by (with a digest of its maps), and the
    gate policy in force; a question's token budget may be less, where a chat model's window is."""

    id: str
    retrieval: RetrievalMode
    candidates: int
    reranker: str
    scorer: str | None
    label: str
    calibration: CalibrationKind
    calibration_note: str
    calibration_digest: str
    policy: GatePolicy


@dataclass(frozen=True, slots=True)
class Manifest:
    """See above. `settings` are those that change what is measured; `versions` of the program and what computes."""

    questions: Asked
    library: LibraryNote
    configurations: tuple[ConfigurationNote, ...]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def identity(self) -> dict[str, Any]:
        """What must agree for a run to be gone on with."""
        same = asdict(replace(self, created="", questions=replace(self.questions, source="")))
        del same["created"], same["questions"]["source"]
        return same


def differences(one: Manifest, other: Manifest) -> list[str]:
    """What differs between two manifests, a line each: `library.generation: 3, now 4`."""
    return _differences(one.identity, other.identity, "")


def manifest_to_dict(manifest: Manifest) -> dict[str, Any]:
    return {"schema": SCHEMA, **asdict(manifest)}


def manifest_from_dict(values: Mapping[str, Any], name: str = "manifest.json") -> Manifest:
    """Raises ManifestDamaged when a field is missing, unknown or of the wrong shape."""
    fields = dict(values)
    try:
        if fields.pop("schema", None) != SCHEMA:
            raise ValueError(f"it is not of schema {SCHEMA}")
        return _ADAPTER.validate_python(fields)
    except (ValidationError, ValueError) as error:
        raise ManifestDamaged(
            f"{name} is not the manifest of a run: {misshapen(error)}", hint="Evaluate into another folder: --out DIR"
        ) from error


def versions() -> dict[str, str]:
    """The versions of Sluice, Python and what computes scores here; packages that are not installed are left out."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _differences(one: Any, other: Any, path: str) -> list[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        names = dict.fromkeys((*one, *other))
        return [d for n in names for d in _differences(one.get(n), other.get(n), f"{path}.{n}" if path else str(n))]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return [
            d for n, (a, b) in enumerate(zip(one, other, strict=True), 1) for d in _differences(a, b, f"{path}.{n}")
        ]
    return [] if one == other else [f"{path}: {_short(one)}, now {_short(other)}"]


def _short(value: Any) -> str:
    text = f"{len(value)} of them" if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


_ADAPTER: TypeAdapter[Manifest] = TypeAdapter(Manifest)
