"""reStructuredText, AsciiDoc, Org mode and source code."""

from __future__ import annotations

import pytest

from ingest.load import asciidoc, code, org, rst
from ingest.load.parsed import Parsed
from tests.ingest import small_files


def told(parsed: Parsed) -> list[tuple[tuple[str, ...], str, str]]:
    return [(block.section, block.kind, block.text) for block in parsed.blocks]


def test_rst() -> None:
    parsed = rst.load("owls.rst", small_files.RST)
    assert parsed.title == "Owls"
    assert told(parsed) == [
        ((), "prose", "They hunt."),
        (("Food",), "code", "hoot()"),
        (("Food",), "prose", "Mice, see mice:"),
        (("Food",), "code", "squeak"),
    ]


def test_rst_levels_come_from_the_order_of_the_marks() -> None:
    text = "===\nTop\n===\n\nA\n---\n\nOne.\n\nB\n~~~\n\nTwo.\n\nC\n---\n\nThree.\n\n"
    text += ".. a comment\n   goes\n\n.. note:: Mind.\n"
    assert told(rst.load("a.rst", text.encode())) == [
        (("A",), "prose", "One."),
        (("A", "B"), "prose", "Two."),
        (("C",), "prose", "Three."),
        (("C",), "prose", "Note: Mind."),
    ]


def test_asciidoc() -> None:
    parsed = asciidoc.load("owls.adoc", small_files.ASCIIDOC)
    assert parsed.title == "Owls"
    assert told(parsed) == [
        ((), "prose", "Ann Bird"),
        (("Food",), "prose", "They hunt."),
        (("Food",), "code", "hoot()"),
        (("Food",), "table", "| Owl | cm |\n|-|-|\n| Barn owl | 34 |"),
    ]


def test_org() -> None:
    parsed = org.load("owls.org", small_files.ORG)
    assert parsed.title == "Owls"
    assert told(parsed) == [
        (("Food",), "prose", "They hunt mice."),
        (("Food",), "code", "hoot()"),
        (("Food",), "table", "| Owl | cm |\n|-|-|\n| Barn | 34 |"),
    ]


def test_python_by_definition() -> None:
    parsed = code.load("owls.py", small_files.PYTHON)
    assert parsed.title == "owls.py"
    assert [(block.section, block.text.split("\n")[0]) for block in parsed.blocks] == [
        ((), '"""Owls."""'),
        (("hoot",), "def hoot(times):"),
        (("Owl",), "# The bird."),
    ]


def test_a_long_class_is_cut_at_its_methods_and_nothing_is_lost() -> None:
    methods = "\n".join(f"    def m{n}(self):\n        return {'x' * 200!r}\n" for n in range(10))
    source = f"class Long:\n    '''Many.'''\n\n{methods}\nprint(Long())\n"
    blocks = code.load("long.py", source.encode()).blocks
    assert [block.section for block in blocks] == [("Long",), ("Long",), *[("Long", f"m{n}") for n in range(10)], ()]
    assert "".join("".join(block.text.split()) for block in blocks) == "".join(source.split())


@pytest.mark.parametrize(
    ("name", "source", "names"),
    [
        ("a.js", "const hoot = (n) => n;\nexport class Owl { eat() {} }\nfunction f() {}", ["hoot", "Owl", "f"]),
        ("a.ts", "export interface Owl { size: number }\nexport function hoot(): void {}", ["Owl", "hoot"]),
        ("a.tsx", "export function View() { return <div/>; }", ["View"]),
        ("a.java", "class Owl { void eat() {} }", ["Owl"]),
        ("a.go", "package a\n\ntype Owl struct{}\n\nfunc (o Owl) Eat() {}\n", ["Owl", "Eat"]),
        ("a.rs", "struct Owl;\nimpl Owl { fn eat(&self) {} }\nfn hoot() {}", ["Owl", "Owl", "hoot"]),
        ("a.c", "struct owl { int size; };\nint *hoot(int n) { return 0; }", ["owl", "hoot"]),
        ("a.cpp", "namespace n { class Owl {}; }\nint main() { return 0; }", ["n", "main"]),
        ("a.rb", "require 'x'\n\n# Hoots.\ndef hoot\n  1\nend\n", ["hoot"]),
        ("a.sql", "CREATE TABLE owls (id int);\n\nCREATE VIEW big AS SELECT 1;\n", ["owls", "big"]),
    ],
)
def test_definitions_of_other_languages(name: str, source: str, names: list[str]) -> None:
    sections = [block.section for block in code.load(name, source.encode()).blocks]
    assert [section[-1] for section in sections if section] == names


def test_settings_files_stay_as_they_stand() -> None:
    assert told(code.load("a.yaml", b"owls:\n  food: mice\n\nnight: true\n")) == [
        ((), "code", "owls:\n  food: mice"),
        ((), "code", "night: true"),
    ]
