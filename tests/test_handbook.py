"""The handbook is documentation and sample library at once: its links lead somewhere and its tables agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.md"))
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def test_there_are_at_least_fifteen_pages() -> None:
    assert len(PAGES) >= 15


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_a_page_has_one_title_and_sections(page: Path) -> None:
    lines = _prose(page).splitlines()
    assert lines[0].startswith("# ")
    assert sum(line.startswith("# ") for line in lines) == 1
    assert sum(line.startswith("## ") for line in lines) >= 3


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_to_pages_that_exist(page: Path) -> None:
    links = [link for link in _LINK.findall(_prose(page)) if "://" not in link]
    assert [link for link in links if not (DOCS / link.split("#")[0]).is_file()] == []


def test_every_page_can_be_reached_from_the_start() -> None:
    seen: set[str] = set()
    open_pages = ["getting-started.md"]
    while open_pages:
        name = open_pages.pop()
        if name not in seen:
            seen.add(name)
            open_pages += [link.split("#")[0] for link in _LINK.findall(_prose(DOCS / name)) if "://" not in link]
    assert {page.name for page in PAGES} - seen == set()


def test_no_page_holds_html_or_loads_an_image() -> None:
    # words like <base> in code spans are fine; tags in prose are not
    for page in PAGES:
        prose = re.sub(r"`[^`]*`", "", _prose(page))
        assert not re.search(r"<[a-zA-Z/!][^>]*>|!\[", prose), page.name


def test_the_exit_codes_of_ingest_are_told_alike_wherever_they_stand() -> None:
    tables = [
        re.findall(r"^\| ([0125]) \| (.+) \|$", (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE)
        for name in ("ingesting-documents.md", "troubleshooting.md")
    ]
    assert len(tables[0]) == 4
    assert tables[0] == tables[1]
