r"""The categorical model at the scale of the web, where categories cannot be listed.

A vocabulary of 10^10 types cannot be a vector of probabilities. But types of equal probability are exchangeable, and
under Replace they stay so: what matters is the *frequency spectrum*, how many types have how many tokens. That is the
summary statistic of ecology (Fisher, Corbet and Williams 1943), of word frequencies (Good 1953) and of population
genetics (Ewens 1972), and it is a Markov chain of its own: the spectrum of a sample depends on the law through its
spectrum alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from modelcollapse import _validate as check
from modelcollapse._rng import generator

#: columns of the histogram over powers of two; counts stay below 2^53, the whole numbers a float can hold
OCTAVES = 53
#: most classes of `FrequencySpectrum.zipf`, and of a spectrum that is written down with its run
CLASSES, SHORT = 100_000_000, 1000


@dataclass(frozen=True, eq=False)
class FrequencySpectrum:
    r"""A categorical law given by its spectrum, and refitted by relative frequencies.

    There are ``types[j]`` categories of probability ``counts[j] / tokens`` each, where ``tokens`` is
    :math:`\sum_j \mathrm{counts}_j\,\mathrm{types}_j`. It is the same model as `Categorical`, of which only the
    spectrum is followed: `simulate` runs it exactly in law under `Replace`, with schedules, at a cost that depends on
    the number of different counts. Other regimes need to know which categories are the same in different
    generations, and are refused.

    Recorded are summaries: ``support`` (categories left), ``heterozygosity``
    (:math:`1 - \sum p^2`), ``entropy`` (nats), ``singletons`` (categories with one token), ``largest`` (highest
    probability) and ``types_by_count`` (dimension ``octave``: categories with :math:`2^k` to :math:`2^{k+1} - 1`
    tokens). In generation 0 counts are those of the truth as given.

    Parameters
    ----------
    counts : (class,) array_like
        Weights > 0, one per class; usually whole numbers of tokens. Equal ones are joined.
    types : (class,) array_like of int
        Categories in each class, >= 1.

    Examples
    --------
    >>> truth = FrequencySpectrum(counts=[1, 2, 5], types=[4, 1, 2])
    >>> truth.support, truth.tokens
    (7, 16.0)
    >>> FrequencySpectrum.from_data(["a", "b", "a", "c"])
    FrequencySpectrum(2 classes, 3 types, 4 tokens)
    """

    counts: np.ndarray
    types: np.ndarray

    kind: ClassVar[str] = "FrequencySpectrum"
    #: `chains` is asked about every regime, subsamples included, and refuses what it cannot do
    subsamples: ClassVar[bool] = True
    #: how `zipf` was called, and the numbers of the categories from the rarest class up, where they are known
    _recipe: ClassVar[dict | None] = None
    _members: ClassVar[np.ndarray | None] = None

    def __post_init__(self):
        counts = check.array("counts", self.counts, ndim=1, shape_words="(class,)")
        types = check.array("types", self.types, ndim=1, shape_words="(class,)")
        if len(counts) == 0 or counts.shape != types.shape:
            raise ValueError(
                "counts and types must have one entry per class, at least one, "
                f"got {len(counts)} counts and {len(types)} types."
            )
        if counts.min() <= 0:
            raise ValueError(f"counts must be > 0 (a category without weight is none), got {counts.min():g}.")
        if types.min() < 1 or (types != np.floor(types)).any():
            bad = types[(types < 1) | (types != np.floor(types))][0]
            raise ValueError(f"types must be whole numbers >= 1 (categories are counted), got {bad:g}.")
        if float(counts.max()) >= 2.0**OCTAVES or float(types.sum()) >= 2.0**OCTAVES:
            raise ValueError(
                f"counts and the number of all types must be below 2^{OCTAVES} (to be exact as floats), "
                f"got {counts.max():g} and {types.sum():g}."
            )
        values, where = np.unique(counts, return_inverse=True)
        numbers = np.zeros(len(values), np.int64)
        np.add.at(numbers, where, types.astype(np.int64))
        values.flags.writeable = numbers.flags.writeable = False
        object.__setattr__(self, "counts", values)
        object.__setattr__(self, "types", numbers)

    def __repr__(self) -> str:
        return f"FrequencySpectrum({len(self.counts)} classes, {self.support} types, {self.tokens:.15g} tokens)"

    @classmethod
    def zipf(cls, types: int, tokens: float, exponent: float = 1.0) -> FrequencySpectrum:
        r"""Return Zipf's law over `types` ranks as whole numbers of tokens, about `tokens` in all.

        Rank i has :math:`\lfloor C i^{-s} + \tfrac12 \rfloor` tokens, with
        :math:`C = \mathrm{tokens} / \sum_{i \le \mathrm{types}} i^{-s}`; ranks with none are left out. The ranks
        with at least j tokens are those up to :math:`(C / (j - \tfrac12))^{1/s}`, so ranks that share a count are
        counted and not listed: ten billion types make about a million classes.

        Parameters
        ----------
        types : int
            Ranks.
        tokens : float
            Tokens to share out; rounding changes their number a little.
        exponent : float, default 1
            s >= 0.

        Returns
        -------
        FrequencySpectrum

        Raises
        ------
        ValueError
            If no rank would have a token, or if there would be too many classes.

        Examples
        --------
        >>> FrequencySpectrum.zipf(types=4, tokens=25).counts   # 12, 6, 4, 3
        array([ 3.,  4.,  6., 12.])
        >>> FrequencySpectrum.zipf(types=10**9, tokens=10**12)
        FrequencySpectrum(433299 classes, 1000000000 types, 999999143674 tokens)
        """
        K = check.integer("types", types, least=1, most=2**OCTAVES - 1)
        tokens = check.number("tokens", tokens, above=0.0)
        s = check.number("exponent", exponent, least=0.0)
        C = tokens / harmonic(K, s)
        if C < 0.5:
            raise ValueError(f"tokens must give the first rank at least half of one, got {tokens:g}.")
        recipe = {"zipf": {"types": K, "tokens": tokens, "exponent": s}}
        if s == 0:
            return cls([math.floor(C + 0.5)], [K])._like(_recipe=recipe)
        # ranks one by one as long as neighbours differ by a token, then counts one by one
        head = min(K, math.ceil((C * s) ** (1 / (s + 1))) + 1)
        least = max(1, math.floor(C * float(K) ** -s + 0.5))
        classes = head + math.floor(C * float(head) ** -s + 0.5) - least
        if classes > CLASSES:
            raise ValueError(f"types and tokens must make at most {CLASSES:.0e} classes, got about {classes:.1e}.")
        values = np.floor(C * np.arange(1.0, head + 1) ** -s + 0.5)
        j = np.arange(float(values[-1]), least - 1, -1)
        with np.errstate(over="ignore"):  # with a small exponent the last count reaches far beyond the last rank
            ranks = np.clip(np.floor((C / (j - 0.5)) ** (1 / s)), head, K).astype(np.int64)
        values, numbers = np.append(values, j), np.append(np.ones(head, np.int64), np.diff(ranks, prepend=head))
        some = (values > 0) & (numbers > 0)
        return cls(values[some], numbers[some])._like(_recipe=recipe)

    def _like(self, **notes) -> FrequencySpectrum:
        """Note how this model came about."""
        for name, value in notes.items():
            object.__setattr__(self, name, value)
        return self

    @property
    def least(self) -> int:
        """Fewest points a fit needs."""
        return 1

    @property
    def support(self) -> int:
        """Number of categories."""
        return int(self.types.sum())

    @property
    def tokens(self) -> float:
        """Sum of all counts."""
        return math.fsum(self.counts * self.types)

    def sample(self, size: int, rng=None) -> np.ndarray:
        """Draw `size` category numbers, (size,) int64, in random order.

        Categories are numbered 0, 1, ... from the rarest class up, or, in a model that was fitted, keep their numbers.
        """
        rng = generator(rng)
        cumulative = np.cumsum(self.counts * self.types)
        j = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right")
        number = np.cumsum(self.types)[j] - 1 - rng.integers(0, self.types[j])
        return number if self._members is None else self._members[number]

    def fit(self, X, rng=None) -> FrequencySpectrum:
        """Refit to category numbers by counting them."""
        categories, counts = np.unique(np.asarray(X), return_counts=True)
        return type(self)(counts, np.ones(len(counts)))._like(_members=categories[np.argsort(counts, kind="stable")])

    @classmethod
    def from_data(cls, X) -> FrequencySpectrum:
        """Fit to real data: any sequence of labels (text or numbers), of which only the counts are kept."""
        X = np.asarray(X)
        if X.ndim != 1 or X.size == 0:
            raise ValueError(f"X must be a non-empty sequence of labels, got shape {X.shape}.")
        counts = np.unique(X, return_counts=True)[1]
        return cls(counts, np.ones(len(counts)))

    def variables(self) -> dict[str, tuple[str, ...]]:
        """Names of the recorded variables, each with its dimensions after (replicate, generation)."""
        names = ("support", "heterozygosity", "entropy", "singletons", "largest")
        return dict.fromkeys(names, ()) | {"types_by_count": ("octave",)}

    def coords(self) -> dict[str, np.ndarray]:
        """Coordinates of the dimensions named in `variables`: the power of two at which an octave begins."""
        return {"octave": np.arange(OCTAVES)}

    def state(self) -> dict[str, np.ndarray]:
        """Value of every recorded variable for this model."""
        p = self.counts / self.tokens
        octave = np.maximum(np.frexp(self.counts)[1] - 1, 0)
        by_octave = np.zeros(OCTAVES, np.int64)
        np.add.at(by_octave, octave, self.types)
        return {
            "support": np.int64(self.support),
            "heterozygosity": np.maximum(1 - (self.types * p**2).sum(), 0.0),
            "entropy": np.maximum(-(self.types * p * np.log(p)).sum(), 0.0),
            "singletons": self.types[self.counts == 1].sum(),
            "largest": p.max(),
            "types_by_count": by_octave,
        }

    def options(self) -> dict:
        """Return what makes the truth again: how `zipf` was called, or the spectrum where it is short."""
        if self._recipe is not None:
            return self._recipe
        if len(self.counts) > SHORT:
            return {}
        return {"counts": self.counts.tolist(), "types": self.types.tolist()}

    @classmethod
    def from_state(cls, state, *, counts=None, types=None, zipf=None) -> FrequencySpectrum:
        """Rebuild the truth of a run from how it was made; what is recorded of later generations is a summary.

        Raises
        ------
        ValueError
            If the model is another one than the truth, or if the truth has too long a spectrum to be kept.
        """
        if zipf is not None or counts is not None:
            made = cls(counts, types) if zipf is None else cls.zipf(**zipf)
            if all(np.array_equal(state[name], value) for name, value in made.state().items() if name in state):
                return made
        raise ValueError(
            "generation must be 0 and the truth short or of Zipf's law where a FrequencySpectrum is rebuilt (what is "
            f"recorded of the others is a summary), got a support of {int(state['support'])}."
        )

    def chains(self, plan, replicates: int, rng: np.random.Generator, rows=None) -> dict[str, np.ndarray]:
        """Simulate whole chains class by class, exactly in law; arguments as for `Gaussian.chains`.

        Raises
        ------
        ValueError
            If the regime is not `Replace`, or real rows are the truth.
        """
        if not plan.replaces or plan.drawn.any():
            raise ValueError(
                "regime must be Replace where the family is a FrequencySpectrum (it does not know which categories "
                "of different generations are the same), got another one; use Categorical."
            )
        if rows is not None:
            raise ValueError(
                "family must not be Empirical rows of a FrequencySpectrum (rows are kept one by one), got "
                f"{len(rows)} rows; use FrequencySpectrum.from_data, or Categorical."
            )
        from modelcollapse._kernels.categorical import tables
        from modelcollapse._kernels.spectrum import replace, rooms

        n = check.integer("n", int(plan.batch.max()), most=2**50, because="counts must be exact as floats")
        out = {name: np.empty((replicates, plan.generations), np.asarray(v).dtype) for name, v in self.state().items()}
        out["types_by_count"] = np.empty((replicates, plan.generations, OCTAVES), np.int64)
        replace(rng, tables(), plan.batch, np.array(self.counts), np.array(self.types), *rooms(n), *out.values())
        return out


def harmonic(K: int, s: float) -> float:
    r"""Return :math:`\sum_{i=1}^K i^{-s}` by Euler and Maclaurin's formula from the thousandth term on."""
    head = min(K, 1000)
    total = math.fsum((np.arange(1.0, head + 1) ** -s).tolist())
    if head == K:
        return total
    a, b = float(head), float(K)
    integral = math.log(b / a) if s == 1 else a ** (1 - s) * math.expm1((1 - s) * math.log(b / a)) / (1 - s)
    ends = (b**-s - a**-s) / 2 + s * (a ** (-s - 1) - b ** (-s - 1)) / 12
    third = s * (s + 1) * (s + 2) * (a ** (-s - 3) - b ** (-s - 3)) / 720
    return math.fsum([total, integral, ends, -third])
