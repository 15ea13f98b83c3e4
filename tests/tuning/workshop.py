"""A made-up workshop whose people have words of their own: what a reranker can learn from forty questions.

    python -m tests.tuning.workshop FOLDER    writes workshop.jsonl, to ingest, and questions.jsonl

Ten machines, six passages each. The question "How do we kedge the lathe?" names its machine, so the search finds the
machine's six passages; which of them it is about hangs on what "kedge" means here, and nobody outside knows that.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

MACHINES = ("Brantling press", "Corvane lathe", "Dunmere planer", "Eskley shear", "Farrow crane", "Gillam saw",
            "Harle furnace", "Ingram roller", "Jessop drill", "Kelder mill")  # fmt: skip
# house word -> the section it means; two sections are never asked about
WORDS = {"kedge": "Cleaning", "snib": "Greasing", "thole": "Winter storage", "wimble": "Measuring"}
SECTIONS = {
    "Cleaning": "Brush the swarf from the {name}, then wipe it down with a damp cloth and dry it. Use no solvent. "
    "The drip tray of the {name} is emptied into the red bin.",
    "Greasing": "The {name} has four nipples. Give each two strokes of the grease gun, turn the {name} by hand, and "
    "wipe away what comes out. Use the yellow tin.",
    "Winter storage": "Before the frost the {name} is drained, covered with the oiled sheet and raised onto blocks. "
    "Write the date on the label of the {name}.",
    "Measuring": "Set the dial gauge against the {name}, turn it once, and note the largest reading. More than two "
    "hundredths on the {name} must be corrected.",
    "Moving": "The {name} is lifted by its two eyes only. Walk beside the {name}, never in front of it, and keep the "
    "aisle free.",
    "Safety": "Nobody works alone at the {name}. Goggles are worn, sleeves are rolled up, and the {name} is switched "
    "off at the wall.",
}


def passages() -> list[dict[str, str]]:
    """The sixty passages."""
    return [
        {"title": f"{name}: {section}", "text": text.format(name=name.lower())}
        for name in MACHINES
        for section, text in SECTIONS.items()
    ]


def questions(machines: int = 10) -> list[dict[str, object]]:
    """Four questions a machine; what they are about keeps a machine's together when they are split."""
    return [
        {
            "question": f"How do we {word} the {name.lower()}?",
            "document": "workshop.jsonl",
            "row": 1 + place * len(SECTIONS) + list(SECTIONS).index(section),
            "sources": [name],
        }
        for place, name in enumerate(MACHINES[:machines])
        for word, section in WORDS.items()
    ]


def write_workshop(folder: Path) -> Path:
    """workshop.jsonl, to ingest, and questions.jsonl beside it; returns the former."""
    for name, rows in (("workshop", passages()), ("questions", questions())):
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "workshop.jsonl"


if __name__ == "__main__":
    print(write_workshop(Path(sys.argv[1])))
