r"""Is a language drifting, or is it driven? The temporal method, with texts as replicates.

Model t was fitted to texts in which the words had the frequencies :math:`y`; in the batch that it wrote they have the
frequencies :math:`x`. If the model wrote as it had learned, the change is *drift*: :math:`E[x - y] = 0` for every word,
whatever happened before. Decoding, smoothing and training make the change *directed*. Nothing has to be assumed of the
regime: what the model was fitted to is known.

**Two sizes.** :math:`\hat F = \sum (x_i - y_i)^2 / \sum y_i(1-y_i)` has the expectation 1/N if N words are drawn
independently (module `modelcollapse.theory.temporal`). The words of a text are not: a name that occurs comes back. But
the *texts* are written independently of each other, so the scatter between the J texts of one batch says, without a
look at y, how much the frequencies of such a batch move by chance:

.. math:: \hat V = \frac J{(J-1)N^2} \sum_j \big\lVert c_j - n_j x \big\rVert^2, \qquad
          \underbrace{\hat F}_{1/N_e} = \underbrace{\hat V / \textstyle\sum y_i(1-y_i)}_{1/N_s} + \text{directed}

with :math:`c_j` the counts and :math:`n_j` the number of words of text j. :math:`N_s` is the size that *sampling of
texts* explains, :math:`N_e` the one that the changes ask for. Under drift they are the same, and their ratio is about
a sum of chi-squares, weighted by the eigenvalues of the scatter; that is the first test. The sum is taken for a gamma
variable with the same three moments, because words weigh so unequally that with two, as usual, the test would cry wolf
twice as often as it says.

**Directed how?** The words are put into classes by their number in the training text: 1, 2-3, 4-7, ... What a class
should have is what it had; what it has is a sum over independent texts, so its standard error is known, and

.. math:: s = \frac{x_{\text{class}}}{y_{\text{class}}} - 1

is its selection coefficient. Each class is tested over all generations together (the changes are a martingale under
drift) and in every generation, and every single word that is frequent enough over all. The *trend* asks one question
of all words: do the frequent gain on the rare? If :math:`x \propto y^{1+\beta}`, then :math:`\sum (x_i - y_i)\ln y_i
\approx \beta\,\mathrm{Var}_y(\ln y)`; a unigram model that is sampled at the temperature :math:`\tau` has :math:`1 +
\beta = 1/\tau`. Last, the frequency increment test of Feder et al. needs no variance but that over the generations.

**Errors of a test of means** come from few texts and from skew: the tails are those of Student's t with J - 1 degrees
of freedom, enlarged by :math:`e^{|\gamma| |z|^3/3}`, the first term of the expansion for a studentised mean of
skewness :math:`\gamma`. All families of tests share the declared error rate equally, each divides its part by the
number of its tests (Bonferroni): no independence is needed.

**New words** (those that the training text lacks) cannot come from drift at all. They are counted, ``innovation``, and
then left out: what is tested is what becomes of the known ones among themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.lm.records import Generation
from modelcollapse.theory.temporal import effective_size_interval, temporal_degrees
from modelcollapse.verify import Status

#: fewest texts that a scatter between texts is taken from
LEAST_TEXTS = 8
#: texts whose pairs are compared for the degrees of freedom (a matrix of 18 MB)
MOST_PAIRED = 1500
#: a class of which fewer words are expected than this is not tested
LEAST_EXPECTED = 25
#: a word is followed alone if its founding count is so many times what drift over the run would take it to zero with
FAR_FROM_LOSS = 16
#: share of the words that a class has at least, for the verdict to rest on what is known of it
MATTERS = 0.01
FAMILIES = ("size", "trend", "classes over all generations", "classes in each generation", "words", "increments")


@dataclass(frozen=True)
class Transition:
    """What model t was fitted to and what it wrote, over the words that it was fitted to.

    Attributes
    ----------
    generation : int
        t.
    word : ndarray of int, (known,)
        Which words these are.
    trained, counts : ndarray of int, (known,)
        Their numbers in the training text and in the batch.
    texts : sparse array (text, known) or None
        The same counts text by text; None where texts are too few or not known.
    innovation : float
        Share of the words written that the training text lacks.
    """

    generation: int
    word: np.ndarray
    trained: np.ndarray
    counts: np.ndarray
    texts: object
    innovation: float

    @property
    def n(self) -> int:
        """Known words that were written."""
        return int(self.counts.sum())

    @property
    def before(self) -> np.ndarray:
        """Frequencies y in the training text."""
        return self.trained / self.trained.sum()

    @property
    def after(self) -> np.ndarray:
        """Frequencies x in the batch."""
        return self.counts / self.n

    @property
    def classes(self) -> np.ndarray:
        """Class of each word: the binary logarithm of its number in the training text, rounded down."""
        return classes(self.trained)


def classes(counts) -> np.ndarray:
    """Return the class of words of these counts, exactly: 0 for 1, 1 for 2 and 3, 2 for 4 to 7, ..."""
    return np.frexp(np.asarray(counts, float))[1] - 1


def as_dataset(run):
    """Return what `measure` returns, from a run in either form."""
    import xarray as xr

    from modelcollapse.lm.measures import measure

    if not isinstance(run, xr.Dataset):
        if isinstance(run, (str, bytes)) or not all(isinstance(g, Generation) for g in run):
            raise TypeError(
                f"run must be what measure(generations) returns, or the generations themselves, got {run!r:.60}."
            )
        run = measure(run)
    missing = [name for name in ("count", "training_count") if name not in run]
    if missing:
        because = str(run.attrs.get("training", "")) or "a change is measured from what a model was fitted to"
        raise ValueError(
            f"run must hold {' and '.join(missing)} ({because}), got {', '.join(map(str, run.data_vars))}."
        )
    for name in ("count", "training_count"):
        if set(run[name].dims) != {"generation", "word"}:
            raise ValueError(f"run[{name!r}] must have the dimensions generation and word, got {run[name].dims}.")
    return run


def transitions(run) -> list[Transition]:
    """Return the steps of a run in which there is something to compare."""
    count = run["count"].transpose("generation", "word").values
    trained = run["training_count"].transpose("generation", "word").values
    has_texts = "token" in run and "text_words" in run
    out = []
    for i, number in enumerate(run["generation"].values.tolist()):
        known = np.flatnonzero(trained[i])
        if number == 0 or len(known) < 2 or not count[i, known].any():
            continue
        texts = None
        if has_texts:
            lengths = run["text_words"].isel(generation=i).values
            texts = _by_text(run["token"].isel(generation=i).values, lengths, known, count.shape[1])
        total = int(count[i].sum())
        innovation = 1 - count[i, known].sum() / total
        out.append(Transition(number, known, trained[i, known], count[i, known], texts, float(innovation)))
    if not out:
        raise ValueError("run must hold a model that wrote words of its training text, got none.")
    return out


def _by_text(token: np.ndarray, lengths: np.ndarray, known: np.ndarray, V: int):
    """Return counts (text, known word) of the texts that have known words, or None if they are few."""
    token = token[: int(lengths.sum())]
    place = np.full(V, -1)
    place[known] = np.arange(len(known))
    text, column = np.repeat(np.arange(len(lengths)), lengths), place[token]
    text, column = text[column >= 0], column[column >= 0]
    there, text = np.unique(text, return_inverse=True)
    if len(there) < LEAST_TEXTS:
        return None
    return scipy.sparse.csr_array((np.ones(len(text)), (text, column)), shape=(len(there), len(known)))


# -------------------------------------------------------------------------------------------------- two sizes


@dataclass(frozen=True)
class Scatter:
    """How much the frequencies of a batch move by chance alone.

    Attributes
    ----------
    variance : ndarray, (known,)
        Of each frequency in the batch.
    degrees, shape, certainty : float
        Effective degrees of freedom of the change, those of the chi-square that has its skewness, and those of the
        estimate of the variance itself (infinite where it is not estimated but known).
    """

    variance: np.ndarray
    degrees: float
    shape: float
    certainty: float


def scatter(step: Transition) -> Scatter:
    """Return the chance variance of frequencies: between texts, or that of independent words without texts."""
    if step.texts is None:
        y = step.before
        degrees = temporal_degrees(y, step.n)
        return Scatter(y * (1 - y) / step.n, degrees, degrees, np.inf)
    C, x = step.texts, step.after
    J, size = C.shape[0], np.asarray(C.sum(axis=1)).ravel()
    square = np.asarray((C * C).sum(axis=0)).ravel()
    within = np.maximum(square - 2 * x * (C.T @ size) + x * x * (size @ size), 0.0)
    xx = float(x @ x)
    q = np.maximum(np.asarray((C * C).sum(axis=1)).ravel() - 2 * size * (C @ x) + size**2 * xx, 0.0)
    some = np.unique(np.linspace(0, J - 1, min(J, MOST_PAIRED)).astype(int))
    C, size = C[some], size[some]
    along = size[:, None] * (C @ x)[None, :]
    pairs = (C @ C.T).toarray() - along - along.T + xx * np.outer(size, size)
    np.fill_diagonal(pairs, 0.0)
    m = len(some)
    squared = (pairs**2).sum() / (m * (m - 1))
    cubed = max(((pairs @ pairs) * pairs).sum() / (m * (m - 1) * (m - 2)), np.finfo(float).tiny)
    degrees = q[some].mean() ** 2 / squared if squared > 0 else np.inf
    shape = min(squared**3 / cubed**2, degrees) if squared > 0 else np.inf
    spread = q.var(ddof=1) / (J * q.mean() ** 2) if q.mean() > 0 else np.inf
    certainty = 2 / spread if spread > 0 else np.inf
    return Scatter(within * J / ((J - 1) * step.n**2), float(degrees), float(shape), float(certainty))


def _sizes(step: Transition, chance: Scatter, confidence: float) -> dict[str, float]:
    """Return the two effective sizes of a transition and what is between them."""
    y = step.before
    below = float((y * (1 - y)).sum())
    change = float(((step.after - y) ** 2).sum()) / below
    sampled = float(chance.variance.sum()) / below
    tiny = np.finfo(float).tiny
    size, low, high = effective_size_interval(max(change, tiny), chance.degrees, confidence=confidence)
    tail = (1 - confidence) / 2
    ends = _chi_square(chance.certainty, np.array([tail, 1 - tail])) / max(sampled, tiny)
    p = _pvalue_ratio(change, sampled, chance)
    return {
        "effective_size": size,
        "effective_size_low": low,
        "effective_size_high": high,
        "sampled_size": 1 / max(sampled, tiny),
        "sampled_size_low": ends[0],
        "sampled_size_high": ends[1],
        "nominal_size": step.n,
        "degrees": chance.degrees,
        "directed": change - sampled,
        "p_size": p if step.texts is not None else np.nan,
        "innovation": step.innovation,
    }


def _chi_square(degrees: float, quantiles: np.ndarray) -> np.ndarray:
    """Return quantiles of chi-square over its degrees of freedom."""
    if not np.isfinite(degrees):
        return np.ones(len(quantiles))
    return 2 * scipy.special.gammaincinv(degrees / 2, quantiles) / degrees


def _pvalue_ratio(change: float, sampled: float, chance: Scatter) -> float:
    """Return the probability that chance moves the frequencies so far, the variance being an estimate itself."""
    if sampled <= 0:
        return 0.0 if change > 0 else 1.0
    if not np.isfinite(chance.degrees):
        return 1.0
    u = np.linspace(-8.5, 8.5, 341)
    v = _chi_square(chance.certainty, scipy.special.ndtr(u))
    # (Q - E Q) / sd Q is that of a chi-square with `shape` degrees of freedom
    z = (change / sampled * v - 1) * np.sqrt(chance.degrees / 2)
    point = chance.shape + z * np.sqrt(2 * chance.shape)
    tail = np.where(point > 0, scipy.special.gammaincc(chance.shape / 2, np.maximum(point, 0.0) / 2), 1.0)
    weight = np.exp(-u * u / 2)
    return float(min(1.0, (tail @ weight) / weight.sum()))


# -------------------------------------------------------------------------------------------------- the tests


def pvalue_studentised(z, degrees, skewness) -> np.ndarray:
    """Test a studentised mean, both sides: Student's tail, enlarged for skewness, kept monotone.

    Examples
    --------
    >>> pvalue_studentised([2.0, 2.0], [1e9, 10], [0.0, 0.1]).round(4).tolist()
    [0.0455, 0.0958]
    """
    skewness, degrees = np.maximum(np.abs(skewness), 1e-12), np.minimum(degrees, 1e9)
    # the hazard of Student's t is at least nu z / (nu + z^2), so the product falls up to the root of
    # skewness z (nu + z^2) = nu, a cubic: 1 / skewness for many degrees of freedom
    root = np.arcsinh(1.5 / skewness * np.sqrt(3 / degrees)) / 3
    z = np.minimum(np.abs(z), 2 * np.sqrt(degrees / 3) * np.sinh(root))
    tail = scipy.special.stdtr(degrees, -z)
    with np.errstate(divide="ignore"):
        return np.minimum(1.0, 2 * np.exp(np.log(tail) + skewness * z**3 / 3))


def _class_sums(step: Transition, number: int) -> tuple[np.ndarray, ...]:
    """Return by class: words of the class, expected and written numbers, variance and third moment of the latter."""
    kind = step.classes
    kinds = np.bincount(kind, minlength=number)
    share = np.bincount(kind, weights=step.before, minlength=number)
    written = np.bincount(kind, weights=step.counts, minlength=number)
    independent = step.n * share * np.maximum(1 - share, 0.0)
    independent[share > 1 - 1e-12] = 0.0  # a class of all words cannot change
    third = independent * np.abs(1 - 2 * share)
    variance = independent
    if step.texts is not None:
        member = scipy.sparse.csr_array((np.ones(len(kind)), (np.arange(len(kind)), kind)), (len(kind), number))
        per_text = (step.texts @ member).toarray()
        J, size = per_text.shape[0], per_text.sum(axis=1)
        apart = per_text - np.outer(size, written / step.n)
        variance = np.where(independent > 0, np.maximum(independent, (apart**2).sum(axis=0) * J / (J - 1)), 0.0)
        third = np.maximum(third, np.abs((apart**3).sum(axis=0)))
    return kinds, step.n * share, written, variance, third


def _trend(step: Transition) -> tuple[float, ...]:
    """Return the gain of the logarithm of a word's frequency, its variance and third moment, and what beta times."""
    g = np.log(step.trained)
    g = g - step.before @ g
    spread = float(step.before @ g**2)
    gain, variance, third = float(step.counts @ g), step.n * spread, step.n * abs(float(step.before @ g**3))
    if step.texts is not None:
        per_text = step.texts @ (g - gain / step.n)
        J = len(per_text)
        variance = max(variance, float((per_text**2).sum()) * J / (J - 1))
        third = max(third, abs(float((per_text**3).sum())))
    return gain, variance, third, step.n * spread


def _ratio(above, below) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(below) > 0, above / np.asarray(below), np.nan)


def _tested(expected, written, variance, third, degrees) -> tuple[np.ndarray, ...]:
    """Return selection coefficients, their standard errors and p-values (nan where too little is expected)."""
    enough = expected >= LEAST_EXPECTED
    sd = np.sqrt(variance)
    z = _ratio(written - expected, sd)
    p = pvalue_studentised(np.nan_to_num(z), degrees, np.nan_to_num(_ratio(third, sd**3)))
    enough &= sd > 0
    return _ratio(written, expected) - 1, _ratio(sd, expected), np.where(enough, p, np.nan)


def _followed(steps: list[Transition], chances: list[Scatter]) -> np.ndarray:
    """Return the words frequent enough at the start to be followed alone: chosen by their founding counts only."""
    first = steps[0]
    share = first.before
    with np.errstate(divide="ignore"):
        burst = np.maximum(1.0, chances[0].variance * first.n / (share * (1 - share)))
    smallest = min(step.n for step in steps)
    return first.word[share * smallest >= np.maximum(LEAST_EXPECTED, FAR_FROM_LOSS * len(steps) * burst)]


def _words(steps, chances, followed: np.ndarray, V: int) -> dict[str, np.ndarray]:
    """Return the tests of single words: with the scatter between texts, and by increments alone."""
    moved, variance, third, expected = (np.zeros(len(followed)) for _ in range(4))
    increments = np.full((len(steps), len(followed)), np.nan)
    for i, (step, chance) in enumerate(zip(steps, chances, strict=True)):
        place = np.full(V, -1)
        place[step.word] = np.arange(len(step.word))
        at = place[followed]
        there, at = at >= 0, np.maximum(at, 0)
        y, x, n = step.before[at], step.after[at], step.n
        independent = y * (1 - y) / n
        v = np.maximum(chance.variance[at], independent)
        moved += np.where(there, n * (x - y), 0.0)
        expected += np.where(there, n * y, 0.0)
        variance += np.where(there, n**2 * v, 0.0)
        # a burst of b words at a time has the third moment of independent words times b^2
        third += np.where(there, n**3 * independent / n * (v / independent) ** 2, 0.0)
        increments[i] = np.where(there, (x - y) / np.sqrt(2 * y * (1 - y)), np.nan)
    degrees = sum(s.texts.shape[0] - 1 if s.texts is not None else np.inf for s in steps)
    sd = np.sqrt(variance)
    out = {
        "word_selection": _ratio(moved, expected),
        "word_error": _ratio(sd, expected),
        "word_p": pvalue_studentised(np.nan_to_num(_ratio(moved, sd)), degrees, np.nan_to_num(_ratio(third, sd**3))),
        "increment_t": np.full(len(followed), np.nan),
        "increment_p": np.full(len(followed), np.nan),
    }
    T = len(steps)
    if T >= 3 and len(followed):
        mean, spread = increments.mean(axis=0), increments.std(axis=0, ddof=1)
        t = _ratio(mean * np.sqrt(T), spread)
        out["increment_t"] = t
        out["increment_p"] = np.where(np.isnan(t), np.nan, 2 * scipy.special.stdtr(T - 1, -np.abs(np.nan_to_num(t))))
    return out


def neutrality(run, *, error_rate: float = 0.01, effect: float = 0.1, confidence: float = 0.95):
    r"""Test whether the words of a run drift, as words that are sampled do, or are driven.

    Parameters
    ----------
    run : xarray.Dataset or sequence of Generation
        What `measure` returns, or the records themselves. A Dataset without ``token`` has no texts to be compared: then
        words are taken for independent, which is true of unigrams alone.
    error_rate : float, optional
        Probability, over all tests together, of CONTRADICTED although every word drifts.
    effect : float, optional
        Neutrality is SUPPORTED only if a selection coefficient of this size would have been seen, with probability
        0.9, in every class that has 1 % of the words.
    confidence : float, optional
        Of the intervals.

    Returns
    -------
    xarray.Dataset
        Over ``generation`` (those with a model): ``effective_size`` (:math:`N_e`), ``sampled_size`` (:math:`N_s`), both
        with ``_low`` and ``_high``, ``nominal_size`` (N), ``degrees``, ``directed`` (:math:`1/N_e - 1/N_s`, which may
        come out negative), ``p_size``, ``innovation``; over ``class`` too: ``class_words``, ``expected``,
        ``written``, ``selection``, ``selection_error``, ``selection_p``; over ``class`` alone the same of all
        generations together, ``pooled_selection``, ``_error``, ``_p``; over ``followed`` (words): ``word_selection``,
        ``word_error``, ``word_p``, ``increment_t``, ``increment_p``; ``trend`` (:math:`\beta`) with ``trend_error``;
        over ``family``: ``family_p``, corrected for the number of its tests. Coordinates ``least`` and ``most``:
        counts of a class. Attributes: ``neutrality`` (SUPPORTED, CONTRADICTED, INCONCLUSIVE), ``p``, ``sentence``,
        ``replicates`` ("texts" or "words").

    Raises
    ------
    TypeError, ValueError
        If the run does not hold what is compared.

    Notes
    -----
    Kind: asymptotic (many words; tails as in the head of this module). Source: temporal method: Nei and Tajima,
    Genetics 98:625 (1981), Waples, Genetics 121:379 (1989); increments: Feder et al., Genetics 196:509 (2014); the
    comparison with the scatter between texts is a one-sample test of a mean in many dimensions in the manner of Chen
    and Qin, Annals of Statistics 38:808 (2010).

    Examples
    --------
    >>> import xarray as xr
    >>> rng, dims = np.random.default_rng(1), ("generation", "word")
    >>> counts = [rng.multinomial(40_000, np.arange(1, 21) / 210)]
    >>> for _ in range(5):
    ...     counts.append(rng.multinomial(40_000, counts[-1] / 40_000))
    >>> trained = [np.zeros(20, int), *counts[:-1]]
    >>> run = xr.Dataset({"count": (dims, counts), "training_count": (dims, trained)},
    ...                  coords={"generation": range(6), "word": [f"w{i}" for i in range(20)]})
    >>> neutrality(run).attrs["neutrality"]
    'SUPPORTED'
    """
    import xarray as xr

    run = as_dataset(run)
    error_rate = check.number("error_rate", error_rate, above=0.0, most=0.5, because="a probability of false alarm")
    effect = check.number("effect", effect, above=0.0)
    confidence = check.number("confidence", confidence, above=0.0, below=1.0)
    steps = transitions(run)
    chances = [scatter(step) for step in steps]
    sizes = [_sizes(step, chance, confidence) for step, chance in zip(steps, chances, strict=True)]
    number = 1 + max(int(step.classes.max()) for step in steps)
    rows = [_class_sums(step, number) for step in steps]
    kinds, expected, written, variance, third = (np.array(values) for values in zip(*rows, strict=True))
    texts = np.array([step.texts.shape[0] - 1 if step.texts is not None else np.inf for step in steps])
    each = _tested(expected, written, variance, third, texts[:, None])
    pooled = _tested(*(values.sum(axis=0) for values in (expected, written, variance, third)), texts.sum())
    gain, gain_variance, gain_third, lever = np.array([_trend(step) for step in steps]).sum(axis=0)
    sd = max(np.sqrt(gain_variance), np.finfo(float).tiny)
    trend_p = pvalue_studentised(gain / sd, texts.sum(), gain_third / sd**3) if lever > 0 else np.nan
    V = run.sizes["word"]
    followed = _followed(steps, chances)
    single = _words(steps, chances, followed, V)
    replicates = "texts" if np.isfinite(texts).all() else "words"
    with_texts = [i for i, step in enumerate(steps) if step.texts is not None]
    tests = {
        "size": np.array([sizes[i]["p_size"] for i in with_texts] + [_pooled_size(steps, chances, with_texts)]),
        "trend": np.atleast_1d(trend_p),
        "classes over all generations": pooled[2],
        "classes in each generation": each[2],
        "words": single["word_p"],
        "increments": single["increment_p"],
    }
    family_p = np.array([_bonferroni(tests[name]) for name in FAMILIES])
    lead = ("generation", "class")
    data = {name: ("generation", [row[name] for row in sizes]) for name in sizes[0]}
    data |= {"class_words": (lead, kinds), "expected": (lead, expected), "written": (lead, written)}
    for prefix, dims, values in (("", lead, each), ("pooled_", "class", pooled)):
        for name, v in zip(("selection", "selection_error", "selection_p"), values, strict=True):
            data[prefix + name] = (dims, v)
    data |= {name: ("followed", v) for name, v in single.items()}
    data |= {
        "family_p": ("family", family_p),
        "trend": gain / lever if lever > 0 else np.nan,
        "trend_error": sd / lever if lever > 0 else np.nan,
    }
    out = xr.Dataset(
        data,
        coords={
            "generation": [step.generation for step in steps],
            "least": ("class", 2 ** np.arange(number)),
            "most": ("class", 2 ** np.arange(1, number + 1) - 1),
            "followed": run["word"].values[followed],
            "family": list(FAMILIES),
        },
        attrs={**run.attrs, "replicates": replicates, "error_rate": error_rate, "effect": effect},
    )
    out.attrs["confidence"] = confidence
    _judge(out, expected.sum(axis=0), float(texts.sum()))
    return out


def _pooled_size(steps, chances, which) -> float:
    """Return the p-value of the changes of all generations together against the scatter between texts."""
    if not which:
        return np.nan
    change = sum(float(((steps[i].after - steps[i].before) ** 2).sum()) for i in which)
    sampled = np.array([float(chances[i].variance.sum()) for i in which])
    if sampled.sum() <= 0:
        return 0.0 if change > 0 else 1.0
    share = sampled / sampled.sum()
    degrees, shape, certainty = (
        np.array([getattr(chances[i], name) for i in which]) for name in ("degrees", "shape", "certainty")
    )
    # variances of independent sums add up, and so do their third moments
    second, third = 2 * share**2 / degrees, 8 * (share / np.sqrt(degrees)) ** 3 / np.sqrt(shape)
    skewness = third.sum() / second.sum() ** 1.5
    with np.errstate(divide="ignore"):
        certain = 1 / (share**2 / certainty).sum()
    pooled = Scatter(sampled, 2 / second.sum(), 8 / skewness**2, certain)
    return _pvalue_ratio(change, float(sampled.sum()), pooled)


def _bonferroni(p: np.ndarray) -> float:
    """Return the smallest p-value times their number; nan where nothing could be tested."""
    p = p[~np.isnan(p)]
    return min(1.0, float(p.min()) * p.size) if p.size else np.nan


def _judge(out, expected: np.ndarray, degrees: float) -> None:
    """Write verdict and sentence into the attributes."""
    family_p = out["family_p"].values
    tested = family_p[~np.isnan(family_p)]
    level = out.attrs["error_rate"] / max(len(tested), 1)
    p = min(1.0, float(tested.min()) * len(tested)) if len(tested) else np.nan
    error, s = out["pooled_selection_error"].values, out["pooled_selection"].values
    known = ~np.isnan(out["pooled_selection_p"].values)
    heavy = (expected >= MATTERS * expected.sum()) & (error > 0)
    visible = np.inf
    if heavy.any() and known[heavy].all():
        # the z that a class must reach, and the 1.28 standard errors that are exceeded in one case of ten
        reach = -scipy.special.stdtrit(min(degrees, 1e9), level / known.sum() / 2) + 1.2816
        visible = float((reach * error[heavy]).max())
    if len(tested) and p <= out.attrs["error_rate"]:
        status = Status.CONTRADICTED
    elif visible <= out.attrs["effect"]:
        status = Status.SUPPORTED
    else:
        status = Status.INCONCLUSIVE
    out.attrs |= {"neutrality": str(status), "p": p, "smallest_effect": visible}
    out.attrs["sentence"] = _sentence(out, status, s, known)


def _sentence(out, status: Status, s: np.ndarray, known: np.ndarray) -> str:
    least, most = out["least"].values, out["most"].values
    if status == Status.CONTRADICTED:
        worst = str(out["family"].values[int(np.nanargmin(out["family_p"].values))])
        text = (
            f"The change of the words is directed, not drift alone (p = {out.attrs['p']:.2g}, first seen by: {worst})"
        )
        if known.any():
            ends = [f"{_range(least[i], most[i])} by {100 * s[i]:+.1f} %" for i in np.flatnonzero(known)[[0, -1]]]
            text += f"; per generation the share of words that occurred {ends[0]}, of those that occurred {ends[1]}"
    elif status == Status.SUPPORTED:
        text = (
            "The words drift as sampled words do: no directed change was seen, and a selection coefficient of "
            f"{out.attrs['smallest_effect']:.2g} per generation would have been"
        )
    else:
        seen = out.attrs["smallest_effect"]
        text = "No directed change was seen, but there is too little text to exclude one"
        text += f" (smallest visible selection coefficient {seen:.2g})" if np.isfinite(seen) else ""
    if out.attrs["replicates"] == "words":
        text += "; the words are taken for independent, because there are no texts to compare"
    new = out["innovation"].values
    if new.max() > 0:
        text += f"; {100 * new.mean():.2g} % of the words written were new to the model that wrote them"
    return text + "."


def _range(least: int, most: int) -> str:
    return "once" if most == 1 else f"{least} to {most} times"
