"""The temporal method against samples: what it estimates, what its intervals cover, how often it cries wolf."""

import numpy as np
import pytest
import scipy
import xarray as xr

from modelcollapse import regimes, theory
from modelcollapse.lm.crosscheck import _drift, _history, crosscheck
from modelcollapse.lm.temporal import Transition, neutrality, scatter, transitions
from modelcollapse.testing import assert_agrees, assert_kills, stream
from modelcollapse.verify import pvalue_binomial, pvalue_mean

pytestmark = pytest.mark.compiled

ZIPF = 1 / np.arange(1, 301)
ZIPF /= ZIPF.sum()
LEAD = ("generation", "word")
#: over all tests together, the rate of false alarms that is asked for
RATE = 0.05


def change(p, x):
    return ((x - p) ** 2).sum(axis=-1) / (p * (1 - p)).sum()


def test_change_estimates_one_over_n():
    p, n = np.arange(1, 9) / 36, 20
    sd = theory.temporal_sd(p, n)

    def draw(of):
        return lambda size, rng: of(rng.multinomial(n, p, size) / n)

    def law(expected):
        return lambda sample: pvalue_mean(sample, expected, sd, skewness=3.0)

    assert_kills(
        draw(lambda x: change(p, x)),
        law(1 / n),
        size=60_000,
        mutants={
            "half the words": lambda size, rng: change(p, rng.multinomial(n // 2, p, size) / (n // 2)),
            "generations transposed": draw(lambda x: ((x - p) ** 2).sum(axis=-1) / (x * (1 - x)).sum(axis=-1)),
            "ratios averaged, as in F_c": draw(lambda x: ((x - p) ** 2 / ((x + p) / 2 - x * p)).mean(axis=-1)),
        },
        wrong={"divisor n - 1": law(1 / (n - 1)), "twice the words": law(1 / (2 * n))},
        formula="E sum (x - p)^2 / sum p (1 - p) = 1 / n",
        source="Nei and Tajima 1981, the denominator known",
    )


def test_effective_size_is_covered():
    n = 4000

    def draw(words, degrees):
        def covered(size, rng):
            F = change(ZIPF, rng.multinomial(words, ZIPF, size) / words)
            _, low, high = theory.effective_size_interval(F, degrees)
            return (low < n) & (n < high)

        return covered

    assert_kills(
        draw(n, theory.temporal_degrees(ZIPF, n)),
        lambda seen: pvalue_binomial(seen.sum(), seen.size, 0.94, side="below"),
        size=2000,
        mutants={
            "one degree of freedom a word": draw(n, len(ZIPF) - 1),
            "half the words": draw(n // 2, theory.temporal_degrees(ZIPF, n)),
        },
        formula="[chi-square quantiles] / (nu F)",
        source="Waples 1989, with other degrees of freedom",
    )


def bursts(rng, q, texts, length, again):
    """Texts in which a word is with probability `again` a word of the same text once more; each drawn from q."""
    word = rng.choice(len(q), size=(texts, length), p=q)
    for i in range(1, length):
        repeat = rng.random(texts) < again
        word[repeat, i] = word[repeat, rng.integers(0, i, repeat.sum())]
    return word


def run(rng, *, T=3, texts=60, length=20, again=0.2, temperature=1.0, top=None, smoothing=0.0, transposed=False):
    V = len(ZIPF)
    written = [bursts(rng, ZIPF, texts, length, again)]
    for _ in range(T):
        counts = np.bincount(written[-1].ravel(), minlength=V) + smoothing
        if top is not None:
            counts[np.argsort(-counts, kind="stable")[top:]] = 0
        q = (counts / counts.sum()) ** (1 / temperature)
        written.append(bursts(rng, q / q.sum(), texts, length, again))
    if transposed:
        written = written[::-1]
    counts = np.array([np.bincount(some.ravel(), minlength=V) for some in written])
    return xr.Dataset(
        {
            "count": (LEAD, counts),
            "training_count": (LEAD, np.vstack([np.zeros((1, V), int), counts[:-1]])),
            "token": (("generation", "position"), np.array([some.ravel() for some in written])),
            "text_words": (("generation", "text"), np.full((T + 1, texts), length)),
        },
        coords={"generation": np.arange(T + 1), "word": np.arange(V).astype(str)},
    )


def alarms(without_texts=False, **settings):
    def draw(size, rng):
        out = np.empty(size, bool)
        for i in range(size):
            data = run(rng, **settings)
            if without_texts:
                data = data.drop_vars("token")
            out[i] = neutrality(data, error_rate=RATE).attrs["neutrality"] == "CONTRADICTED"
        return out

    return draw


@pytest.mark.parametrize(
    ("again", "mutants"),
    [
        (0.0, {"temperature 0.9": {"temperature": 0.9}}),
        (
            0.3,
            {
                "temperature 0.9": {"temperature": 0.9},
                "top 150 of 300 words": {"top": 150},
                "half a word added to each": {"smoothing": 0.5},
                "generations transposed": {"transposed": True},
                # words that come in bursts are no independent draws
                "texts forgotten": {"without_texts": True},
            },
        ),
    ],
    ids=["independent words", "bursts"],
)
def test_neutral_runs_are_rarely_called_directed(again, mutants):
    assert_kills(
        alarms(again=again),
        lambda seen: pvalue_binomial(seen.sum(), seen.size, RATE, side="above"),
        size=25,
        mutants={name: alarms(again=again, **settings) for name, settings in mutants.items()},
        formula="at most the declared error rate of neutral runs is CONTRADICTED",
        source="martingale of the frequencies under Wright-Fisher",
    )


def test_scatter_between_texts_is_the_variance_of_a_batch():
    p, texts, length = np.full(4, 0.25), 30, 12

    def draw(again, scale=1.0):
        def pairs(size, rng):
            out = np.empty((size, 2))
            for i in range(size):
                texts_of = [np.bincount(text, minlength=4) for text in bursts(rng, p, texts, length, again)]
                table = scipy.sparse.csr_array(np.array(texts_of, float))
                counts = np.sum(texts_of, axis=0)
                step = Transition(1, np.arange(4), np.full(4, 90), counts, table, 0.0)
                out[i] = scale * scatter(step).variance.sum(), ((step.after - p) ** 2).sum()
            return out[:, 0] - out[:, 1]

        return pairs

    # E of the estimated variance is E of the squared change, bursts or none; one is at most 0.06, the other 0.5
    assert_kills(
        draw(0.5),
        lambda gap: pvalue_mean(gap, 0.0, 0.006, skewness=4.0),
        size=400,
        mutants={"one burst in two forgotten": draw(0.5, scale=0.5), "twice the scatter": draw(0.5, scale=2.0)},
        formula="E V = E sum (x - p)^2",
        source="texts are independent",
    )


def test_drift_of_the_simulated_chains_is_that_of_theory():
    # the chains of the cross-check, held against the inbreeding coefficient, under a regime that keeps real text
    counts = np.array([[9, 7, 5, 3, 2], [8, 8, 4, 4, 2], [7, 9, 3, 5, 2], [8, 7, 3, 6, 2]])
    regime = regimes.Accumulate(n=26)
    trained = np.vstack([0 * counts[:1], np.cumsum(counts, axis=0)[:-1]])
    data = xr.Dataset(
        {"count": (LEAD, counts), "training_count": (LEAD, trained)},
        coords={"generation": np.arange(4), "word": list("abcde")},
    )

    def draw(regime):
        history = _history(data, regime.plan(3), transitions(data)[0], counts[1:])
        return lambda size, rng: _drift(history, np.ones(1), np.zeros(5, int), size, rng)[0][0, -1]

    checked = crosscheck(data, regime=regime, replicates=10, rng=stream("chains"))
    expected = float(checked["by_inbreeding"].sel(assumption="independent", generation=3))
    assert_agrees(
        draw(regime), expected, bounds=(0.0, 0.8), size=20_000, formula="(1 - F)(1 - 1/n) H", source="F-MASTER"
    )
    with pytest.raises(AssertionError, match="disagree"):
        assert_agrees(draw(regimes.Replace(n=26)), expected, bounds=(0.0, 0.8), size=20_000)
