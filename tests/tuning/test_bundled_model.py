"""The bundled model on textbook cases: what a person who tries it out asks first. Raw logits, no evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.providers.reranking.onnx_cross_encoder import OnnxCrossEncoder, open_bundled

FOLDER = Path(__file__).parents[2] / "app" / "models" / "reranker"

WASTE = (
    "Composting turns kitchen scraps and garden waste into a rich soil improver: layer green and brown material, keep "
    "the heap moist and turn it every few weeks so that air reaches the microbes.",
    "Food leftovers and yard trimmings can be collected in a green bin and composted or digested; the process takes "
    "two to six months and yields compost and biogas.",
    "Plastic waste is sorted by resin type, shredded, washed and melted into pellets that manufacturers use again.",
    "Industrial waste such as solvents and metal sludge must be declared, neutralised and taken to a licensed site.",
    "Nuclear waste is vitrified, sealed in steel canisters and stored deep underground for thousands of years.",
)
ORGANIC = (
    "Composting is a natural process that breaks down organic materials such as food scraps and yard trimmings into "
    "nutrient-rich soil.",
    "Organic waste can be turned into fertiliser by composting, or into biogas by anaerobic digestion.",
)
PYTHON = (
    "Debugging memory leaks in Python: use tracemalloc to compare snapshots, look for objects that keep growing, and "
    "inspect reference cycles with the gc module.",
    "To fix a memory leak in a Python program, remove lingering references: clear caches, close files, break cycles "
    "with weakref, and bound your global lists.",
    "Python manages memory with reference counting and a cyclic garbage collector that frees unreachable objects.",
    "Profiling CPU time in Python: cProfile shows which functions take longest, and snakeviz draws the result.",
    "Installing Python packages: create a virtual environment, then run pip install with the package's name.",
    "Python list comprehensions build a new list from an iterable in one line and are faster than a for loop.",
    "Python tutorial for beginners: variables, strings, lists, loops and functions, explained step by step.",
    "Getting started with Python: download the installer, open the interpreter and print hello world.",
)
CAR = (
    "Automobile repair procedures: diagnose the fault, order the parts, replace the component and test drive.",
    "Bread baking procedures: knead the dough, let it rise and bake it in a hot oven.",
    "The history of the railway began with horse-drawn wagons on wooden rails.",
    "Our office is open from nine to five; parking is available behind the building.",
)
APPLE = (
    "Apple reported quarterly revenue of $94.9 billion, up 6 percent from a year ago, led by iPhone sales.",
    "Apples are a good source of fibre and vitamin C; an apple a day is part of a healthy diet.",
    "Apple trees blossom in spring and the fruit is picked from August to October.",
)
COFFEE = ("I love coffee. I drink it every morning.", "I hate coffee. The taste is awful.")


@pytest.fixture(scope="module")
def scorer() -> OnnxCrossEncoder:
    if not (FOLDER / "manifest.json").is_file():
        pytest.skip("app/models/reranker holds no model")
    return open_bundled(FOLDER)


def _ranked(scorer: OnnxCrossEncoder, question: str, passages: tuple[str, ...]) -> list[int]:
    raw = [score.raw for score in scorer.score(question, passages)]
    assert all(r is not None for r in raw)
    return sorted(range(len(passages)), key=lambda i: -(raw[i] or 0.0))


@pytest.mark.xfail(
    strict=True, reason="a known failure on the model card: it does not know kitchen scraps and leftovers for organic"
)
def test_organic_waste_is_about_composting(scorer: OnnxCrossEncoder) -> None:
    assert set(_ranked(scorer, "How to process organic waste?", WASTE)[:2]) == {0, 1}


def test_organic_waste_is_about_composting_where_the_passages_say_organic(scorer: OnnxCrossEncoder) -> None:
    assert set(_ranked(scorer, "How to process organic waste?", (*ORGANIC, *WASTE[2:]))[:2]) == {0, 1}


def test_fixing_a_leak_comes_before_tutorials(scorer: OnnxCrossEncoder) -> None:
    order = _ranked(scorer, "How do I fix memory leak in Python?", PYTHON)
    assert set(order[:2]) == {0, 1}
    assert set(order[-3:]) & {6, 7}


def test_a_car_is_an_automobile(scorer: OnnxCrossEncoder) -> None:
    assert _ranked(scorer, "how to fix a car", CAR)[0] == 0


def test_apple_with_revenue_is_the_company(scorer: OnnxCrossEncoder) -> None:
    assert _ranked(scorer, "Apple quarterly revenue", APPLE)[0] == 0


def test_love_is_not_hate(scorer: OnnxCrossEncoder) -> None:
    assert _ranked(scorer, "What do people who love coffee say?", COFFEE) == [0, 1]
