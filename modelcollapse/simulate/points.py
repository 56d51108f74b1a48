"""One chain, point by point: the literal meaning of a regime and of its curations.

In every generation a batch comes into being: new real points, and points of the last model, made and chosen as the
curations say. Detectors look at the batch as a whole. The training set is made of batches, and the model is fitted to
it. Every point carries where it came from, and a weight where one is asked for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from modelcollapse.regimes import Plan


class Batch(NamedTuple):
    """Points that came into being together."""

    points: np.ndarray
    synthetic: np.ndarray
    weights: np.ndarray | None

    @classmethod
    def real(cls, points) -> Batch:
        """Wrap real points."""
        return cls(points, np.zeros(len(points), bool), None)

    def take(self, chosen) -> Batch:
        """Return some of the points: a mask, indices or a slice."""
        return Batch(
            self.points[chosen], self.synthetic[chosen], None if self.weights is None else self.weights[chosen]
        )


def join(parts: list[Batch]) -> Batch:
    """Put batches together; where one has weights, points of the others weigh 1."""
    if len(parts) == 1:
        return parts[0]
    points, synthetic = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    if all(part.weights is None for part in parts):
        return Batch(points, synthetic, None)
    return Batch(
        points,
        synthetic,
        np.concatenate([np.ones(len(part.points)) if part.weights is None else part.weights for part in parts]),
    )


def by_point(model, rows, plan: Plan, replicates: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Simulate one block of chains; a chain that stops is NaN from there on."""
    start = {name: np.asarray(value) for name, value in model.state().items()}
    out = {name: np.full((replicates, plan.generations, *value.shape), np.nan) for name, value in start.items()}
    kept, dropped = (np.zeros((replicates, plan.generations), np.int64) for _ in range(2))
    stopped = np.zeros(replicates, np.int64)
    for r in range(replicates):
        t = -1
        for t, (fitted, size, lost) in enumerate(chain(model, rows, plan, rng)):
            kept[r, t], dropped[r, t] = size, lost
            for name, value in fitted.state().items():
                out[name][r, t] = value
        if t + 1 < plan.generations:
            stopped[r] = t + 2
    return out | ({"kept": kept, "real_dropped": dropped, "stopped": stopped} if plan.selects else {})


def chain(model, rows, plan: Plan, rng: np.random.Generator):
    """Yield the model, its number of points and the real points it lost to detectors, for generations 1, 2, ...

    It ends early when a fit would have too few points.
    """
    truth = model
    batches: dict[int, Batch] = {}
    pinned = None
    substitutes = plan.substitutes(1, rng)[0]
    for t in range(plan.generations):
        lost = 0
        if t == 0:
            first = truth.sample(int(plan.real[0]), rng) if rows is None else subset(rows, int(plan.real[0]), rng)
            batches[0] = Batch.real(first)
            pinned = batches[0].take(slice(plan.pinned))
        else:
            parts = []
            fresh, made = int(plan.real[t] + substitutes[t]), int(plan.synthetic[t] - substitutes[t])
            if fresh:
                new = truth.sample(fresh, rng) if rows is None else rows[rng.integers(0, len(rows), fresh)]
                parts.append(Batch.real(new))
            if made:
                parts.append(produce(model, made, plan, batches[t - 1], rng))
            batches[t], lost = screen(join(parts), plan, rng)
        for gone in [b for b in batches if b < plan.oldest[t] - 1]:
            del batches[gone]
        held = list(batches.values())
        if plan.oldest[t] > 1 and plan.pinned:
            held.insert(0, pinned)
        whole = join(held)
        if plan.drawn[t] and plan.drawn[t] < len(whole.points):
            whole = whole.take(rng.choice(len(whole.points), int(plan.drawn[t]), replace=False, shuffle=False))
        weights = weigh(whole, plan)
        size = len(whole.points) if weights is None else int(np.count_nonzero(weights))
        if size < model.least:
            return
        model = model.fit(whole.points, rng) if weights is None else model.fit(whole.points, rng, weights=weights)
        yield model, size, lost


def subset(rows: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the real points of generation 1 in random order: all rows, or as many as are asked for."""
    return rows[rng.permutation(len(rows))[:size]]


def produce(model, size: int, plan: Plan, previous: Batch, rng: np.random.Generator) -> Batch:
    """Draw the model's part of a batch, as the curations say."""
    source = model
    for curation in plan.curation:
        source = curation.shape(source)
    draw = source.sample
    for curation in plan.curation:
        draw = picking(curation, draw, model)
    for curation in plan.curation:
        if curation.edits:
            return Batch(*curation.edit(previous.points, previous.synthetic, draw, size, rng), None)
    points = draw(size, rng)
    return Batch(points, np.ones(len(points), bool), None)


def picking(curation, draw, model):
    """Return `draw` followed by what a curation picks."""
    return lambda size, rng: curation.pick(draw, size, model, rng)


def screen(batch: Batch, plan: Plan, rng: np.random.Generator) -> tuple[Batch, int]:
    """Show a new batch to the detectors; return what is left and how many real points are not."""
    lost = 0
    for curation in plan.curation:
        weights = curation.screen(batch.synthetic, rng)
        if weights is None:
            continue
        stays = weights > 0
        lost += int(np.count_nonzero(~stays & ~batch.synthetic))
        if curation.weighs:
            weights = weights if batch.weights is None else weights * batch.weights
            batch = Batch(batch.points, batch.synthetic, weights)
        batch = batch.take(stays)
    return batch, lost


def weigh(batch: Batch, plan: Plan) -> np.ndarray | None:
    """Return the weights of a fit, or None where all are equal."""
    if plan.real_weight is None:
        return batch.weights
    weights = np.ones(len(batch.points)) if batch.weights is None else batch.weights.copy()
    synthetic = weights[batch.synthetic].sum()
    real = weights[~batch.synthetic].sum()
    if real > 0 and synthetic > 0:
        weights[~batch.synthetic] *= plan.real_weight / real
        weights[batch.synthetic] *= (1 - plan.real_weight) / synthetic
    return weights
