"""A test that draws until it knows: small false-alarm rate, small cost when nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from modelcollapse import _rng
from modelcollapse import _validate as check


@dataclass(frozen=True)
class Outcome:
    """What a sequential test found.

    Attributes
    ----------
    passed : bool
    rounds : int
        Rounds that were needed.
    sizes : tuple of int
        Sample size of each round.
    pvalues : tuple of float
        Smallest p-value of each round times the number of p-values.
    where : int
        Which p-value was the smallest in the last round (index into them, flattened).
    error_rate : float
        Probability, declared beforehand, of failing although every null hypothesis is true.
    """

    passed: bool
    rounds: int
    sizes: tuple[int, ...]
    pvalues: tuple[float, ...]
    where: int
    error_rate: float

    @property
    def smallest(self) -> float:
        """Smallest corrected p-value of the last round."""
        return self.pvalues[-1]

    def __str__(self) -> str:
        return (
            f"{'passed' if self.passed else 'failed'} in round {self.rounds} ({self.sizes[-1]} replicates; "
            f"smallest p-value {self.smallest:.3g}; error rate {self.error_rate:g})"
        )


def sequential(
    draw: Callable, pvalues: Callable, *, size: int, rng, alpha: float = 1e-6, rounds: int = 7, growth: int = 4
) -> Outcome:
    r"""Test Monte Carlo output with a false-alarm rate of at most `alpha`, cheaply if nothing is wrong.

    Gandy and Scott, "Unit testing for MCMC and other Monte Carlo methods", arXiv 2001.06465, Algorithm 2.
    With k rounds, :math:`\beta = \alpha / k` and :math:`\gamma = \beta^{1/k}`, each round draws a fresh
    sample and computes q = (number of p-values) x (smallest p-value). It fails if :math:`q \le \beta`, passes
    if :math:`q > \gamma + \beta`, and otherwise goes on with a larger sample and :math:`\beta / \gamma` for
    :math:`\beta`.

    Why the rate is at most alpha: let :math:`f_i` be the largest probability of failing from round i on. A
    valid p-value has :math:`\Pr(q \le x) \le x`, so :math:`f_i \le \beta_i + \gamma f_{i+1}`, for discrete
    p-values too, and with :math:`\beta_{i+1} = \beta_i / \gamma` each of the k rounds contributes
    :math:`\alpha / k`.

    Parameters
    ----------
    draw : callable
        ``draw(size, generator)`` returns a sample, fresh at every call.
    pvalues : callable
        ``pvalues(sample)`` returns one or more valid p-values (see the ``pvalue_...`` functions).
    size : int
        Sample size of the first round.
    rng : None, int, SeedSequence or Generator
    alpha : float
        False-alarm rate of the whole procedure.
    rounds : int
        Most rounds.
    growth : int
        Factor by which the sample grows from round to round. With one p-value a correct program needs a
        single round in about nine cases of ten; a wrong one that is not caught at once meets a sample 4 or 16
        times as large.

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        If a p-value is not a number in [0, 1]: a NaN is never a pass.

    Examples
    --------
    >>> from modelcollapse.verify import pvalue_binomial
    >>> heads = lambda size, rng: rng.random(size) < 0.5
    >>> fair = lambda sample: pvalue_binomial(sample.sum(), sample.size, 0.5)
    >>> sequential(heads, fair, size=1000, rng=1).passed
    True
    """
    size = check.integer("size", size, least=1)
    rounds = check.integer("rounds", rounds, least=1)
    growth = check.integer("growth", growth, least=1)
    alpha = check.number("alpha", alpha, above=0.0, most=0.5, because="it is a probability of false alarm")
    rng = _rng.generator(rng)
    beta = alpha / rounds
    gamma = beta ** (1 / rounds)
    sizes, seen = [], []
    for i in range(rounds):
        p = np.atleast_1d(np.asarray(pvalues(draw(size, rng)), dtype=float)).ravel()
        if p.size == 0 or not ((p >= 0) & (p <= 1)).all():
            bad = p[~((p >= 0) & (p <= 1))][:1]
            raise ValueError(
                "pvalues must return one or more numbers in [0, 1] (a NaN is no evidence), "
                f"got {bad[0] if bad.size else 'none'}."
            )
        where = int(p.argmin())
        q = min(1.0, p.size * float(p[where]))
        sizes.append(size)
        seen.append(q)
        failed = q <= beta
        if failed or q > gamma + beta or i == rounds - 1:
            break
        beta /= gamma
        size *= growth
    return Outcome(not failed, i + 1, tuple(sizes), tuple(seen), where, alpha)
