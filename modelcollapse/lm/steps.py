"""The small steps of a transformer's work: cut, pad, choose a token, choose a learning rate.

Functions of their arguments alone; `modelcollapse.lm.causal` puts them together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from modelcollapse.lm.protocol import Decoding

#: where the cosine schedule ends, as published
LAST_RATE = 1e-6


def cut(tokens: Sequence[int], block: int, slack: int) -> list[Sequence[int]]:
    """Cut a sequence into blocks. A remainder of at most `slack` stays with the block before it.

    Examples
    --------
    >>> cut(range(10), 4, 1)
    [range(0, 4), range(4, 8), range(8, 10)]
    >>> cut(range(9), 4, 1)
    [range(0, 4), range(4, 9)]
    >>> cut([], 4, 1)
    []
    """
    starts = [*range(0, max(len(tokens) - slack, min(len(tokens), 1)), block), len(tokens)]
    return [tokens[begin:end] for begin, end in pairwise(starts)]


def learning_rates(highest: float, updates: int, warmup: float) -> np.ndarray:
    r"""Learning rate of every update: up along a line, down along a cosine to `LAST_RATE`.

    With :math:`w` updates of warm-up out of :math:`U`, update :math:`s = 1, \dots, U` has :math:`\eta s / w` for
    :math:`s \le w` and then :math:`\eta_1 + \frac{\eta - \eta_1}{2} (1 + \cos \pi \frac{s - w}{U - w})`.

    Examples
    --------
    >>> learning_rates(1e-3, 5, 0.4).round(6).tolist()
    [0.0005, 0.001, 0.00075, 0.000251, 1e-06]
    """
    rising = min(math.ceil(warmup * updates), updates)
    last = min(LAST_RATE, highest)
    s = np.arange(1, updates + 1)
    down = last + (highest - last) / 2 * (1 + np.cos(np.pi * (s - rising) / max(updates - rising, 1)))
    return np.where(s <= rising, highest * s / max(rising, 1), down)


def padded_left(rows: Sequence[Sequence[int]], start: int) -> tuple[np.ndarray, np.ndarray]:
    """Put the start token before every row, and padding before that; return tokens and mask, (row, place).

    Examples
    --------
    >>> tokens, mask = padded_left([[7], [8, 9]], start=0)
    >>> tokens.tolist(), mask.tolist()
    ([[0, 0, 7], [0, 8, 9]], [[0, 1, 1], [1, 1, 1]])
    """
    width = max(map(len, rows)) + 1
    tokens, mask = np.full((len(rows), width), start), np.ones((len(rows), width), dtype=np.int64)
    for i, ids in enumerate(rows):
        tokens[i, width - len(ids) :] = ids
        mask[i, : width - len(ids) - 1] = 0
    return tokens, mask


def choose(logits, uniforms, decoding: Decoding):
    """Choose the next token of every row.

    Parameters
    ----------
    logits : tensor, (row, token)
        -inf for what must not be written.
    uniforms : tensor of float64, (row,)
        In [0, 1).
    decoding : Decoding
        Of it, temperature, top_k and top_p, applied in this order.

    Returns
    -------
    tensor of int, (row,)
        The first token whose cumulative probability exceeds the uniform.
    """
    import torch

    if not decoding.samples:
        return logits.argmax(-1)
    device = logits.device
    if device.type != "cuda":
        logits = logits.cpu()  # some accelerators have no double precision
    logits = logits.double() / decoding.temperature
    if decoding.top_k is not None and decoding.top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(decoding.top_k).values[:, -1:], -math.inf)
    law = logits.softmax(-1)
    if decoding.top_p is not None:
        sorted_law, order = law.sort(descending=True, stable=True)
        before = sorted_law.cumsum(-1) - sorted_law
        law = law.masked_fill(torch.zeros_like(law, dtype=torch.bool).scatter_(1, order, before >= decoding.top_p), 0.0)
    up_to = law.cumsum(-1)
    total = up_to[:, -1:]
    target = uniforms.to(total.device)[:, None] * total
    target = torch.minimum(target, torch.nextafter(total, torch.zeros_like(total)))  # a product may round up to 1
    return torch.searchsorted(up_to, target, right=True)[:, 0].to(device)
