"""What `predict` says of curated loops: against closed forms, brute force and runs; and what it must not say."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse import curation as cure
from modelcollapse import theory
from modelcollapse.theory import available, predict

T = 7
COLD = cure.Temperature(0.7)
ROWS = np.array([0.0, 1.0, 3.0, 4.0, 8.0])


def gaussian(estimator="mle", cov=4.0):
    return mc.Gaussian(1.0 if np.ndim(cov) == 0 else np.ones(len(cov)), cov, estimator=estimator)


def mean(quantity, family, regime, generations=T):
    return predict(quantity, family, regime, generations=generations)["mean"].values


def sd(quantity, family, regime, generations=T):
    return predict(quantity, family, regime, generations=generations)["sd"].values


# ------------------------------------------------------------------------------------- temperature, sampling bias


@pytest.mark.parametrize("factor", [0.3, 1.0, 1.7])
@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
def test_spread_of_a_gaussian(estimator, factor):
    family, t = gaussian(estimator), np.arange(T + 1)
    how = {"estimator": estimator, "scale": math.sqrt(factor), "variance": 4.0}
    for curation in (cure.Temperature(factor), cure.SamplingBias(factor), [COLD, cure.SamplingBias(factor / 0.7)]):
        regime = mc.Replace(9, curation=curation)
        np.testing.assert_allclose(mean("log_variance", family, regime), theory.scaled_log_variance_mean(9, t, **how))
        np.testing.assert_allclose(mean("variance", family, regime), theory.scaled_expected_variance(9, t, **how))
        assert (mean("mean", family, regime) == 1.0).all()
        np.testing.assert_allclose(sd("mean", family, regime) ** 2, mean("mean_squared_error", family, regime))
        # a scale changes no relative law
        plain = mc.Replace(9)
        np.testing.assert_allclose(sd("log_variance", family, regime), sd("log_variance", family, plain))
        for quantity in ("variance", "sd"):
            relative = [sd(quantity, family, r) / mean(quantity, family, r) for r in (regime, plain)]
            np.testing.assert_allclose(*relative, rtol=1e-12)


@pytest.mark.parametrize("bias", [0.2, 0.9, 1.0])
def test_moments_with_sampling_bias(bias):
    regime = mc.Replace(9, curation=cure.SamplingBias(bias))
    variance, error = theory.biased_moments(9, np.arange(1, T + 1), bias=bias, first="real")
    family = gaussian("unbiased")
    np.testing.assert_allclose(mean("variance", family, regime)[1:], 4 * variance, rtol=1e-13)
    np.testing.assert_allclose(mean("mean_squared_error", family, regime)[1:], 4 * error, rtol=1e-13)


@pytest.mark.parametrize("sizes", [6, (6, 3, 9, 2, 5, 7, 4)])
@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
@pytest.mark.parametrize("factor", [0.4, 1.0, 1.6])
def test_error_of_the_mean_and_its_sd(estimator, sizes, factor):
    r"""Given the variances, the error is normal with variance :math:`\sum_i b_i v_{i-1}/n_i`: a double sum."""
    n = np.broadcast_to(sizes, T).astype(float)
    div = n - 1 if estimator == "unbiased" else n
    b = np.where(np.arange(T) > 0, factor, 1.0)
    first = np.concatenate([[1.0], np.cumprod(b * (n - 1) / div)])
    second = np.concatenate([[1.0], np.cumprod(b**2 * (n - 1) * (n + 1) / div**2)])
    share = b / n
    square = sum(
        share[i] * share[j] * second[min(i, j)] * first[max(i, j)] / first[min(i, j)]
        for i, j in itertools.product(range(T), repeat=2)
    )
    error = float(share @ first[:T])
    regime = mc.Replace(sizes, curation=cure.Temperature(factor))
    assert mean("mean_squared_error", gaussian(estimator), regime)[T] == pytest.approx(4 * error, rel=1e-12)
    expected = 4 * math.sqrt(3 * square - error**2)
    assert sd("mean_squared_error", gaussian(estimator), regime)[T] == pytest.approx(expected, rel=1e-12)
    if factor == 1:
        for what in (mean, sd):
            np.testing.assert_allclose(
                what("mean_squared_error", gaussian(estimator), regime),
                what("mean_squared_error", gaussian(estimator), mc.Replace(sizes)),
                rtol=1e-12,
            )


def test_vectors():
    cov = np.array([[4.0, 1.0], [1.0, 2.0]])
    family, b, s = gaussian("mle", cov), 0.7, np.maximum(np.arange(T + 1) - 1, 0)
    regime, plain = mc.Replace(9, curation=COLD), mc.Replace(9)
    for quantity in ("variance", "cov"):
        left = (b**s).reshape((-1,) + (1,) * (1 if quantity == "variance" else 2))
        np.testing.assert_allclose(mean(quantity, family, regime), left * mean(quantity, family, plain))
    np.testing.assert_allclose(mean("log_det", family, regime), mean("log_det", family, plain) + 2 * s * math.log(b))
    alone = mean("mean_squared_error", gaussian("mle"), regime) / 4
    np.testing.assert_allclose(mean("mean_squared_error", family, regime), 6 * alone)
    np.testing.assert_allclose(sd("mean", family, regime), np.sqrt(np.multiply.outer(alone, [4.0, 2.0])))


def test_waiting_times_at_a_temperature():
    family, s = mc.Exponential(rate=2.0), np.maximum(np.arange(T + 1) - 1, 0)
    regime, plain = mc.Replace(9, curation=COLD), mc.Replace(9)
    np.testing.assert_allclose(mean("mean", family, regime), 0.5 * 0.7**s)
    np.testing.assert_allclose(sd("mean", family, regime), sd("mean", family, plain) * 0.7**s)
    lower = s * math.log(0.7)
    np.testing.assert_allclose(mean("log_rate", family, regime), mean("log_rate", family, plain) - lower)


def test_rows_are_no_sample():
    """Generation 1 is the rows; generation 2 is the first sample, and it is drawn with the bias."""
    model = mc.Gaussian.from_data(ROWS, estimator="unbiased")
    family, regime = mc.Empirical(ROWS, model), mc.Replace(5, curation=COLD)
    variance, error = theory.biased_moments(5, np.arange(T), bias=0.7, first="biased")
    np.testing.assert_allclose(mean("variance", family, regime)[1:], model.cov * variance, rtol=1e-13)
    np.testing.assert_allclose(mean("mean_squared_error", family, regime)[1:], model.cov * error, rtol=1e-13)
    assert (sd("mean_squared_error", family, regime)[:2] == 0).all()


def test_a_fever_overflows_quietly():
    regime = mc.Replace(5, curation=cure.Temperature(10.0))
    assert mean("variance", gaussian(), regime, 2000)[-1] == np.inf
    assert mean("mean_squared_error", gaussian(), regime, 2000)[-1] == np.inf
    assert not np.isnan(sd("mean_squared_error", gaussian(), regime, 2000)).any()
    log = math.log(4) + theory.log_variance_mean(5, 2000, estimator="mle") + 1999 * math.log(10)
    assert mean("log_variance", gaussian(), regime, 2000)[-1] == pytest.approx(log, rel=1e-12)


# ------------------------------------------------------------------------------------------------- edit


def edited_gaussian(start, k, rounds):
    """Every batch that can arise, and its probability: three nodes are exact for what is of degree four in a normal."""
    z, w = np.polynomial.hermite_e.hermegauss(3)
    w = w / w.sum()
    X, p = start
    n = X.shape[1]
    for _ in range(rounds):
        batches, weights = [], []
        subsets = list(itertools.combinations(range(n), n - k))
        for kept in subsets:
            for nodes in itertools.product(range(3), repeat=k):
                new = X.mean(1)[:, None] + X.std(1)[:, None] * z[list(nodes)]
                batches.append(np.concatenate([X[:, list(kept)], new], axis=1))
                weights.append(p * w[list(nodes)].prod() / len(subsets))
        X, p = np.concatenate(batches), np.concatenate(weights)
    return X, p


def from_the_model(n, mean, sd):
    z, w = np.polynomial.hermite_e.hermegauss(3)
    nodes = list(itertools.product(range(3), repeat=n))
    return mean + sd * np.array([z[list(i)] for i in nodes]), np.array([(w / w.sum())[list(i)].prod() for i in nodes])


def from_the_rows(n):
    some = list(itertools.permutations(ROWS, n))
    return np.array(some), np.full(len(some), 1 / len(some))


@pytest.mark.parametrize(
    ("n", "fraction", "k", "rounds"), [(3, 0.3, 1, 2), (3, 0.6, 2, 2), (2, 0.25, 0, 3), (2, 0.5, 1, 3), (4, 0.2, 1, 1)]
)
def test_edited_gaussian_by_brute_force(n, fraction, k, rounds):
    truth, regime = gaussian(), mc.Replace(n, curation=cure.Edit(fraction))
    rows = mc.Empirical(ROWS, mc.Gaussian.from_data(ROWS, estimator="mle"))
    for family, start in ((truth, from_the_model(n, 1.0, 2.0)), (rows, from_the_rows(n))):
        for s in range(rounds + 1):
            X, p = edited_gaussian(start, k, s)
            v = X.var(axis=1)
            centre = family.resolve()[0].mean if family is rows else 1.0
            variance, error = p @ v, p @ (X.mean(axis=1) - centre) ** 2
            assert mean("variance", family, regime)[1 + s] == pytest.approx(variance, rel=1e-12)
            assert mean("mean_squared_error", family, regime)[1 + s] == pytest.approx(error, rel=1e-12)
            assert sd("mean", family, regime)[1 + s] ** 2 == pytest.approx(error, rel=1e-12)
            if family is truth:  # a bound
                assert sd("variance", family, regime)[1 + s] ** 2 >= p @ v**2 - variance**2


def edited_categories(p, n, k, rounds):
    """The law of the counts, exactly: what stays is hypergeometric, what is new multinomial."""
    cells = [c for c in itertools.product(range(n + 1), repeat=len(p)) if sum(c) == n]

    def drawn(m, q):
        for c in itertools.product(range(m + 1), repeat=len(q)):
            if sum(c) == m:
                ways = math.factorial(m) // math.prod(math.factorial(x) for x in c)
                yield c, ways * math.prod((x**e for x, e in zip(q, c, strict=True)), start=Fraction(1))

    law = dict(drawn(n, p))
    for _ in range(rounds):
        after = dict.fromkeys(cells, Fraction(0))
        for old, weight in law.items():
            for stay in itertools.product(*(range(x + 1) for x in old)):
                if sum(stay) == n - k:
                    ways = math.prod(math.comb(x, y) for x, y in zip(old, stay, strict=True))
                    for new, q in drawn(k, [Fraction(x, n) for x in old]):
                        cell = tuple(a + b for a, b in zip(stay, new, strict=True))
                        after[cell] += weight * q * Fraction(ways, math.comb(n, k))
        law = after
    return law


@pytest.mark.parametrize(("n", "fraction", "k"), [(4, 0.25, 1), (4, 0.6, 2), (3, 0.9, 3)])
def test_edited_categories_by_brute_force(n, fraction, k):
    p = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]
    family, regime = mc.Categorical([float(x) for x in p]), mc.Replace(n, curation=cure.Edit(fraction))
    for s in range(3):
        law = edited_categories(p, n, k, s)
        left = sum(weight * (1 - sum(Fraction(x, n) ** 2 for x in cell)) for cell, weight in law.items())
        assert mean("heterozygosity", family, regime)[1 + s] == pytest.approx(float(left), rel=1e-12)
        spread = sum(weight * (Fraction(cell[0], n) - p[0]) ** 2 for cell, weight in law.items())
        assert sd("probability", family, regime)[1 + s, 0] ** 2 == pytest.approx(float(spread), rel=1e-12)
        assert mean("probability", family, regime)[1 + s] == pytest.approx([1 / 2, 1 / 3, 1 / 6])


@pytest.mark.parametrize(("n", "fraction"), [(2, 0.5), (60, 0.5), (1_000_000, 0.01)])
def test_edit_is_random_replacement(n, fraction):
    """The catalogue's coefficient, also where it is small."""
    F = theory.inbreeding_partial(n, fraction, np.arange(T + 1), reference="truth")
    regime = mc.Replace(n, curation=cure.Edit(fraction))
    np.testing.assert_allclose(mean("mean_squared_error", gaussian(), regime), 4 * F, rtol=1e-12)


def test_edit_at_its_ends():
    everything, nothing = (mc.Replace(9, curation=cure.Edit(f)) for f in (1.0, 0.01))
    plain = mc.Replace(9)
    for quantity in ("variance", "mean_squared_error"):
        np.testing.assert_allclose(mean(quantity, gaussian(), everything), mean(quantity, gaussian(), plain))
        assert np.ptp(mean(quantity, gaussian(), nothing)[1:]) == 0
    assert sd("variance", gaussian(), everything)[-1] > sd("variance", gaussian(), plain)[-1]
    coin = mc.Categorical([0.5, 0.5])
    assert mean("heterozygosity", coin, mc.Replace(1, curation=cure.Edit(1.0))).tolist() == [0.5] + [0.0] * T


# ------------------------------------------------------------------------------------------------- refusals


COIN = mc.Categorical([0.5, 0.5])


@pytest.mark.parametrize(
    ("quantity", "family", "regime"),
    [
        ("variance", gaussian(), mc.FreshReal(9, 3, curation=COLD)),
        ("variance", gaussian(), mc.Accumulate(9, curation=cure.Edit(0.5))),
        ("variance", gaussian("unbiased"), mc.Replace(9, curation=cure.Edit(0.5))),
        ("variance", gaussian(), mc.Replace((9, 8, 9, 9, 9, 9, 9), curation=cure.Edit(0.5))),
        ("variance", gaussian(), mc.Replace(9, curation=[COLD, cure.Edit(0.5)])),
        ("variance", gaussian(), mc.Replace(9, curation=[COLD, cure.SelectTop(0.5)])),
        ("variance", gaussian(), mc.Replace(9, curation=cure.Watermark(strength=1.0, length=9))),
        ("mean", gaussian(), mc.FreshReal(9, 3, real_weight=0.5)),
        ("probability", COIN, mc.Replace(9, curation=COLD)),
        ("probability", COIN, mc.Replace(9, curation=cure.Verifier(np.isfinite))),
        ("rate", mc.Poisson(2.0), mc.Replace(9, curation=cure.Edit(0.5))),
        ("mean", mc.Exponential(2.0), mc.Replace(9, curation=cure.SamplingBias(0.5))),
    ],
    ids=str,
)
def test_what_is_not_known_is_refused(quantity, family, regime):
    with pytest.raises(ValueError, match="regime must leave its points as they are"):
        predict(quantity, family, regime, generations=T)
    with pytest.raises(ValueError, match="regime must leave its points as they are"):
        available(family, regime)


def test_the_refusal_says_what_is_known():
    warm, edited = mc.Replace(9, curation=COLD), mc.Replace(9, curation=cure.Edit(0.5))
    walk = ["log_variance", "variance", "sd", "mean", "mean_squared_error"]
    assert set(available(gaussian(), warm)) == set(walk)
    assert set(available(gaussian("mle", np.eye(2)), warm)) == {*walk, "cov", "log_det"}
    assert list(available(COIN, edited)) == ["heterozygosity", "probability"]
    with pytest.raises(ValueError, match="'heterozygosity', 'probability', got 'support'"):
        predict("support", COIN, edited, generations=T)
    with pytest.raises(ValueError, match="'mean_squared_error', got 'log_variance'"):
        predict("log_variance", gaussian(), edited, generations=T)
    some = mc.Empirical(ROWS, mc.Gaussian.from_data(ROWS, estimator="mle"))
    with pytest.raises(ValueError, match="the first fit takes 4 of the 5 rows"):
        predict("variance", some, mc.Replace(4, curation=COLD), generations=T)


def test_whole_laws_are_those_of_plain_loops():
    with pytest.raises(ValueError, match="regime must leave its points as they are"):
        theory.law("variance", gaussian(), mc.Replace(9, curation=COLD), generation=3)


# ------------------------------------------------------------------------------------------------- runs


@pytest.mark.compiled
@pytest.mark.parametrize("quantity", ["log_variance", "variance", "mean", "mean_squared_error"])
@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
def test_runs_at_a_temperature(quantity, estimator, rng):
    family = mc.Gaussian(0.0, 1.0, estimator=estimator)
    warm, hot = (mc.Replace(20, curation=[cure.Temperature(b), cure.SamplingBias(0.9)]) for b in (0.8, 1.3))
    run = mc.simulate(family, warm, generations=4, replicates=20_000, rng=rng)
    verdict = mc.verify(run, predict(quantity, family, warm, generations=4))
    assert verdict.status == "SUPPORTED", verdict
    run.attrs["regime_text"] = str(hot)
    if quantity != "mean":  # a wrong temperature leaves the mean where it is
        assert mc.verify(run, predict(quantity, family, hot, generations=4)).status == "CONTRADICTED"
    other = mc.Replace(20, curation=cure.Temperature(0.8))
    assert mc.verify(run, predict(quantity, family, other, generations=4)).status == "OUT_OF_SCOPE"


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("quantity", "family"),
    [("heterozygosity", COIN), ("probability", COIN), ("variance", mc.Gaussian(0.0, 1.0, estimator="mle"))],
)
def test_edited_runs(quantity, family, rng):
    regime = mc.Replace(6, curation=cure.Edit(0.2))
    run = mc.simulate(family, regime, generations=5, replicates=5000, rng=rng)
    known = predict(quantity, family, regime, generations=5)
    verdict = mc.verify(run, known, effect=0.5)
    assert verdict.status == "SUPPORTED", verdict
    if quantity != "probability":  # that has the same mean in every plain loop
        all_new = known.assign(mean=predict(quantity, family, mc.Replace(6), generations=5)["mean"])
        assert mc.verify(run, all_new).status == "CONTRADICTED"
