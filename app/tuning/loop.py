"""The training loop: seeded, resumable to the step, with a running average of the weights.

The order of the data and the learning rate are functions of the step, so a run that was stopped after any piece goes
on as if it had not been.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from app.tuning.encoder import Tensor
from app.tuning.groups import Group
from app.tuning.losses import LossPlan, combined
from app.tuning.mining import padded, tokenizer
from app.tuning.trainable import Trainable

Watch = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """How to train. `frozen` layers (and the embeddings with the first of them) keep the weights they start with;
    `skip` groups of the seeded order are passed over (an earlier round saw them). With `doubt`, a mined negative whose
    logit is that much above its positive's is left out of the step: the model takes it for an unlabelled answer.
    `thrifty` reads each piece of a step twice and so holds one piece at a time: a third slower, in a fraction of the
    memory, with the same result. `micro_tokens` is the size of a piece."""

    steps: int
    groups: int = 8
    rate: float = 8e-5
    head_rate: float = 1e-3
    warm_up: float = 0.06
    decay: float = 0.01
    average: float = 0.995
    frozen: int = 2
    window: int = 384
    micro_tokens: int = 2560
    seed: int = 17
    save_every: int = 50
    skip: int = 0
    doubt: float | None = None
    thrifty: bool = False


def train(
    model: Trainable, data: Sequence[Group], plan: TrainPlan, losses: LossPlan, checkpoint: Path, *,
    teacher: dict[tuple[str, str], float] | None = None, device: str = "cpu", until: float = math.inf,
    note: Callable[[str], None] = lambda _line: None, cutter: Any = None, watch: Watch = lambda _step: None,
    tick: Watch = lambda _step: None,
) -> bool:  # fmt: skip
    """Train until the plan's steps are done (True) or the clock passes `until`, a time.monotonic() (False).

    Goes on from `checkpoint` where that exists, and leaves one there. When done, `model` holds the averaged weights.
    `teacher` maps (question, text) to logits. `cutter` is the model's tokenizer where it is not all-MiniLM's. `watch`
    is called with the number of steps done before each checkpoint is written, `model` holding the averaged weights;
    `tick` after every step.
    """
    model.to(device).train()
    for parameter in _frozen(model, plan.frozen):
        parameter.requires_grad_(False)
    optimizer = _optimizer(model, plan)
    averaged = {k: v.detach().clone() for k, v in model.state_dict().items()}
    step = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        averaged, step = state["averaged"], int(state["step"])
    cutter = tokenizer(plan.window) if cutter is None else cutter
    recent: list[float] = []
    began, pairs = time.monotonic(), 0
    with _workers(device) as pool:
        while step < plan.steps:
            batch = _batch(data, plan, step)
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * _schedule(step / plan.steps, plan.warm_up)
            loss = _learn(model, cutter, batch, losses, teacher, plan, device, pool)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            keep = min(plan.average, (1 + step) / (10 + step))
            for name, value in model.state_dict().items():
                averaged[name].lerp_(value.detach().to(averaged[name].dtype), 1.0 - keep)
            recent.append(loss)
            pairs += sum(len(g.texts) for g in batch)
            tick(step)
            if step % plan.save_every == 0 or step == plan.steps or time.monotonic() > until:
                with _holding(model, averaged):
                    watch(step)
                _save(checkpoint, model, optimizer, averaged, step)
                speed = pairs / (time.monotonic() - began)
                mean = sum(recent) / len(recent)
                note(f"step {step}/{plan.steps}  loss {mean:.4f}  {speed:.1f} pairs/s")
                recent = []
            if time.monotonic() > until and step < plan.steps:
                return False
    model.load_state_dict(averaged)
    model.eval()
    return True


@contextmanager
def _holding(model: Trainable, weights: dict[str, Tensor]) -> Iterator[None]:
    """The model with other weights for a while."""
    own = {name: value.detach().clone() for name, value in model.state_dict().items()}
    model.load_state_dict(weights)
    try:
        yield
    finally:
        model.load_state_dict(own)
        model.train()


def score(
    model: Trainable, pairs: Sequence[tuple[str, str]], *, window: int = 384, device: str = "cpu",
    budget: int = 2560, cutter: Any = None,
) -> list[float]:  # fmt: skip
    """Logits of (question, passage text) pairs, in their order."""
    encoded = (tokenizer(window) if cutter is None else cutter).encode_batch(list(pairs))
    out = [0.0] * len(encoded)
    model.eval()
    for rows in _by_length([len(e.ids) for e in encoded], budget):
        ids, mask = padded([encoded[i].ids for i in rows])
        types, _ = padded([encoded[i].type_ids for i in rows])
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
            states = model.states(ids.to(device), mask.to(device), types.to(device))
        with torch.inference_mode():
            logits = model.head(states.float(), mask.to(device), types.to(device))
        for i, logit in zip(rows, logits.tolist(), strict=True):
            out[i] = logit
    return out


@contextmanager
def _workers(device: str) -> Iterator[ThreadPoolExecutor | None]:
    """As many threads as torch may use, with one core each; None where there is one, or the device is no CPU."""
    count = torch.get_num_threads() if device == "cpu" else 1
    if count == 1:
        yield None
        return
    try:
        with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(count)  # the setting of a pool's thread is the whole process's


def _learn(
    model: Trainable, cutter: Any, batch: Sequence[Group], losses: LossPlan,
    teacher: dict[tuple[str, str], float] | None, plan: TrainPlan, device: str, pool: ThreadPoolExecutor | None,
) -> float:  # fmt: skip
    """One step's gradients, left in the parameters; returns the loss.

    The pieces of a step go forward and backward side by side, each on one thread: two cores do half as much again
    than when they share every small matrix. Gradients are added up in the order of the pieces, so the result is the
    same whatever the threads do.
    """
    pairs = [(g.question, text) for g in batch for text in g.texts]
    group = torch.tensor([i for i, g in enumerate(batch) for _ in g.texts], device=device)
    labels = torch.tensor([label for g in batch for label in g.labels], device=device)
    encoded = cutter.encode_batch(pairs)
    pieces = _by_length([len(e.ids) for e in encoded], plan.micro_tokens)[::-1]  # the longest first

    def forward(rows: list[int]) -> Tensor:
        ids, mask = (t.to(device) for t in padded([encoded[i].ids for i in rows]))
        types = padded([encoded[i].type_ids for i in rows])[0].to(device)
        with torch.autocast(device, torch.bfloat16):
            states = model.states(ids, mask, types)
        return model.head(states.float(), mask, types)

    def glance(rows: list[int]) -> Tensor:
        with torch.no_grad():
            return forward(rows)

    each = map if pool is None else pool.map
    logits = list(each(glance if plan.thrifty else forward, pieces))
    place = torch.tensor([row for rows in pieces for row in rows], device=device)
    flat = torch.cat([part.detach() for part in logits])
    in_order = torch.zeros_like(flat).index_put((place,), flat).requires_grad_()
    loss = _loss(in_order, labels, group, batch, pairs, losses, teacher, plan)
    (slopes,) = torch.autograd.grad(loss, in_order)
    learning = [p for p in model.parameters() if p.requires_grad]

    def backward(piece: tuple[Tensor, list[int]]) -> tuple[Tensor | None, ...]:
        part, rows = piece
        if plan.thrifty:
            part = forward(rows)
        found: tuple[Tensor | None, ...] = torch.autograd.grad(part, learning, slopes[rows], allow_unused=True)
        return found

    for found in each(backward, zip(logits, pieces, strict=True)):
        for parameter, gradient in zip(learning, found, strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
    return float(loss.detach())


def _loss(
    logits: Tensor, labels: Tensor, group: Tensor, batch: Sequence[Group], pairs: Sequence[tuple[str, str]],
    losses: LossPlan, teacher: dict[tuple[str, str], float] | None, plan: TrainPlan,
) -> Tensor:  # fmt: skip
    taught = None
    if teacher is not None:
        taught = torch.tensor([teacher.get(pair, math.nan) for pair in pairs], device=logits.device)
    if plan.doubt is not None:
        mined = torch.tensor([kind == "hard" for g in batch for kind in g.kinds], device=logits.device)
        kept = _believed(logits.detach(), labels, mined, group, plan.doubt)
        logits, labels, group = logits[kept], labels[kept], group[kept]
        taught = None if taught is None else taught[kept]
    return combined(logits, labels, group, taught, losses)


def _believed(logits: Tensor, labels: Tensor, mined: Tensor, group: Tensor, doubt: float) -> Tensor:
    """Which pairs to learn from (booleans, one a pair): all but the mined negatives far above their positive."""
    positive = torch.where(labels > 0, logits, torch.full_like(logits, torch.inf))
    best = torch.full_like(logits, torch.inf).scatter_reduce(0, group, positive, "amin")
    return ~(mined & (logits > best[group] + doubt))


def _by_length(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Row numbers in batches of about equal length, at most `budget` padded tokens each."""
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if batches and (len(batches[-1]) + 1) * lengths[row] <= budget:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def _batch(data: Sequence[Group], plan: TrainPlan, step: int) -> list[Group]:
    """The groups of one step: epochs in seeded orders, one after the other."""
    wanted = range(plan.skip + step * plan.groups, plan.skip + (step + 1) * plan.groups)
    return [data[_order(len(data), plan.seed, i // len(data))[i % len(data)]] for i in wanted]


_orders: dict[tuple[int, int, int], list[int]] = {}


def _order(count: int, seed: int, epoch: int) -> list[int]:
    key = (count, seed, epoch)
    if key not in _orders:
        order = list(range(count))
        random.Random(f"{seed}:{epoch}").shuffle(order)
        _orders[key] = order
    return _orders[key]


def _schedule(done: float, warm_up: float) -> float:
    """Share (0..1) of the peak learning rate: a linear rise, then a cosine to a twentieth."""
    if done < warm_up:
        return (done + 1e-3) / (warm_up + 1e-3)
    return 0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * (done - warm_up) / (1.0 - warm_up)))


def _frozen(model: Trainable, layers: int) -> list[Tensor]:
    if layers == 0:
        return []
    return [parameter for part in model.starting_parts(layers) for parameter in part.parameters()]


def _optimizer(model: Trainable, plan: TrainPlan) -> Tensor:
    trunk, head, mix = model.trained_parts()
    return torch.optim.AdamW(
        [
            {"params": trunk, "peak": plan.rate, "weight_decay": plan.decay},
            {"params": head, "peak": plan.head_rate, "weight_decay": plan.decay},
            {"params": mix, "peak": 20 * plan.head_rate, "weight_decay": 0.0},
        ],
        lr=plan.rate,
    )


def _save(path: Path, model: Trainable, optimizer: Tensor, averaged: dict[str, Tensor], step: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "averaged": averaged, "step": step}
    torch.save(state, partial)
    partial.replace(path)
