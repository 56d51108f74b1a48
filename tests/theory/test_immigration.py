"""Immigration, urns and partial replacement, against exact chains in fractions, recursions and limits."""

from fractions import Fraction
from math import comb

import mpmath
import numpy as np
import pytest
from scipy import stats

from modelcollapse import theory
from modelcollapse.regimes import Mix


def test_migration_variance_is_that_of_the_chain():
    n, m, p = 12, Fraction(1, 10), Fraction(3, 10)
    x = [(1 - m) * Fraction(i, n) + m * p for i in range(n + 1)]
    law = [comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(n + 1)]  # generation 1 is all real
    for t in range(1, 4):
        variance = sum(w * (Fraction(j, n) - p) ** 2 for j, w in enumerate(law))
        assert theory.migration_variance(0.3, n, 0.1, t) == pytest.approx(float(variance), rel=1e-13)
        law = [sum(w * comb(n, j) * x[i] ** j * (1 - x[i]) ** (n - j) for i, w in enumerate(law)) for j in range(n + 1)]
    F = theory.migration_variance(0.3, n, 0.1) / 0.21
    assert pytest.approx(1 / (n - (n - 1) * 0.81), rel=1e-13) == F


@pytest.mark.parametrize(
    ("p", "n", "m"), [(0.3, 200, 0.01), (0.01, 50, 0.5), (0.5, 1, 0.3), (0.9, 1000, 1e-3), (0.0, 9, 0.1)]
)
def test_stationary_law(p, n, m):
    law = theory.migration_law(p, n, m)
    np.testing.assert_allclose(law @ theory.wright_fisher_matrix(n, migration=m, source=p), law, atol=1e-12)
    x = np.arange(n + 1) / n
    assert law @ x == pytest.approx(p, rel=1e-10, abs=1e-14)
    assert law @ (x - p) ** 2 == pytest.approx(theory.migration_variance(p, n, m), rel=1e-9, abs=1e-14)


def test_stationary_law_tends_to_beta():
    distances = []
    for n in (200, 800):
        law = theory.migration_law(0.3, n, 2 / n)
        beta = theory.migration_law_diffusion(0.3, n, 2 / n)
        distances.append(np.abs(np.cumsum(law) - beta.cdf((np.arange(n + 1) + 0.5) / n)).max())
    assert distances[0] < 0.02
    assert distances[1] < distances[0] / 3
    matched = theory.migration_law_diffusion(0.3, 50, 0.1, match=True)
    assert matched.var() == pytest.approx(theory.migration_variance(0.3, 50, 0.1), rel=1e-12)
    many = theory.migration_law_diffusion([0.2, 0.8], 50, 0.1, match=True)
    np.testing.assert_allclose(many.var()[0], theory.migration_variance(0.2, 50, 0.1), rtol=1e-12)


def test_random_measures():
    assert theory.linear_functional_variance(3.0, 10, 0.0) == 3.0  # a point mass somewhere
    assert theory.linear_functional_variance(3.0, 10, 0.1) < 3.0
    t = np.arange(6)
    F = theory.inbreeding(Mix(n=10, real_fraction=0.1), 5)
    np.testing.assert_allclose(theory.linear_functional_variance(3.0, 10, 0.1, t), 3 * F, rtol=1e-13)


@pytest.mark.parametrize(("n", "A"), [(5, 2.0), (1, 0.5), (1000, 1e-6), (30, 0.0)])
def test_smoothing_is_its_recursion(n, A):
    m, F = mpmath.mpf(A) / (n + mpmath.mpf(A)), mpmath.mpf(0)
    got = theory.inbreeding_smoothing(n, A, np.arange(40))
    for t in range(40):
        assert got[t] == pytest.approx(float(F), rel=1e-12, abs=1e-300)
        F = (1 - m) ** 2 * (mpmath.mpf(1) / n + (1 - mpmath.mpf(1) / n) * F)
    limit = 1 / (n / (1 - m) ** 2 - n + 1)
    assert theory.inbreeding_smoothing(n, A, np.inf) == pytest.approx(float(limit), rel=1e-9)


def test_strong_smoothing_keeps_its_digits():
    assert theory.inbreeding_smoothing(1, 2810.9109915266436, np.inf) == pytest.approx(1.264727206979609e-07, rel=1e-15)


def test_smoothing_by_brute_force():
    n, A, p = 4, 2, Fraction(3, 10)
    law, S = {p: Fraction(1)}, []
    for _ in range(3):
        new = {}
        for q, w in law.items():
            for j in range(n + 1):
                x = (j + A * p) / (n + A)
                new[x] = new.get(x, 0) + w * comb(n, j) * q**j * (1 - q) ** (n - j)
        law = new
        S.append(float(sum(w * (x - p) ** 2 for x, w in law.items()) / (p * (1 - p))))
    np.testing.assert_allclose(theory.inbreeding_smoothing(n, A, np.arange(1, 4)), S, rtol=1e-13)


def test_varying_sizes_and_fractions():
    sizes, fractions, p = [5, 8, 3], [1.0, 0.5, 0.0], [0.2, 0.3, 0.5]
    H = 0.62
    R = H / 5  # the published recursion, R_0 first
    published = [R]
    for n, alpha in zip(sizes[1:], fractions[1:], strict=True):
        published.append(5 / n * (H / 5) + (n - 1) / n * (1 - alpha) ** 2 * published[-1])
    np.testing.assert_allclose(theory.multinomial_risk(p, sizes, fractions)[1:], published, rtol=1e-14)
    F = theory.inbreeding_recursive([20] * 30, [0.2] * 30)
    np.testing.assert_allclose(F, theory.inbreeding_mix(20, 0.2, np.arange(31)), rtol=1e-12)
    t = np.arange(1, 20001)
    assert theory.inbreeding_recursive(t**1.2 + 1, t**-0.5)[-1] < 1e-3  # sum alpha diverges, n alpha too
    assert theory.inbreeding_recursive(np.full(20000, 100), 1 / t**2)[-1] > 0.9


def test_urns():
    law = theory.polya_limit([3, 2, 1])
    first = stats.beta(3, 3)
    assert law.var()[0] == pytest.approx(first.var(), rel=1e-14)
    assert law.var()[0] == pytest.approx(0.25 / 7, rel=1e-14)
    assert theory.polya_heterozygosity([3, 2, 1]) == pytest.approx(1 - sum(law.var() + law.mean() ** 2), rel=1e-13)
    # in fractions: one draw at a time multiplies H by 1 - 1/(N + 1)^2, from N on
    product = 1.0
    for N in range(6, 200_000):
        product *= 1 - 1 / (N + 1) ** 2
    assert product == pytest.approx(6 / 7, rel=1e-5)
    np.testing.assert_allclose(theory.polya_product(0.3, 4, np.arange(3)), [0.21, 0.1575, 0.1575 * 15 / 16], rtol=1e-13)
    assert theory.polya_product(0.3, 4, np.inf) == pytest.approx(0.21 * np.sin(np.pi / 2) / (np.pi / 2), rel=1e-13)


@pytest.mark.parametrize(("M", "k"), [(6, 3), (5, 1), (4, 4), (7, 6)])
def test_partial_replacement_in_fractions(M, k):
    """All transitions: j of the k replaced tokens are of the type (hypergeometric), the new ones binomial."""

    def step(i):
        out = [Fraction(0)] * (M + 1)
        for j in range(max(0, k - (M - i)), min(i, k) + 1):
            drop = Fraction(comb(i, j) * comb(M - i, k - j), comb(M, k))
            for new in range(k + 1):
                x = Fraction(i, M)
                out[i - j + new] += drop * comb(k, new) * x**new * (1 - x) ** (k - new)
        return out

    alpha = k / M
    P = [step(i) for i in range(M + 1)]
    for i in range(M + 1):
        x = Fraction(i, M)
        variance = sum(w * (Fraction(j, M) - x) ** 2 for j, w in enumerate(P[i]))
        assert theory.partial_replacement_variance(i / M, M, alpha) == pytest.approx(
            float(variance), rel=1e-13, abs=1e-16
        )
    kept = 1 - theory.inbreeding_partial(M, alpha, 1, reference="corpus")
    H = sum(w * j * (M - j) for j, w in enumerate(P[2])) / Fraction(2 * (M - 2))
    assert kept == pytest.approx(float(H), rel=1e-13)
    assert theory.singleton_dropout(alpha, M) == pytest.approx(float(P[1][0]), rel=1e-12)


def test_partial_replacement_limits():
    t = np.arange(5)
    np.testing.assert_allclose(
        theory.inbreeding_partial(60, 1.0, t, reference="corpus"), theory.inbreeding_replace(60, t), rtol=1e-13
    )
    np.testing.assert_allclose(
        theory.inbreeding_partial(60, 1.0, t, reference="truth"), theory.inbreeding_replace(60, t), rtol=1e-13
    )
    assert theory.inbreeding_partial(60, 0.5, np.inf, reference="truth") == 1
    assert theory.effective_size_partial(10**9, 0.5) == pytest.approx(
        theory.effective_size_partial(10**9, 0.5, exact=False), rel=1e-8
    )
    assert theory.singleton_dropout(0.5, 10**9) == pytest.approx(theory.singleton_dropout(0.5), rel=1e-8)


@pytest.mark.parametrize(
    ("claim", "value", "expected", "digits"),
    [
        ("WF-MIG", lambda: theory.migration_variance(0.3, 200, 0.01), 0.042338, 6),
        ("WF-POLYA", lambda: theory.polya_heterozygosity([3, 2, 1]) / (22 / 36), 6 / 7, 12),
        ("polya-accumulate-categorical", lambda: theory.polya_product(0.3, 4, 1), 0.1575, 12),
        ("F-ALPHA", lambda: 1 - theory.inbreeding_partial(60, 0.5, 1, reference="corpus"), 0.987429, 6),
        ("F-SMOOTH", lambda: theory.inbreeding_smoothing(5, 2, np.inf), 0.172414, 6),
        ("BC-REC", lambda: theory.inbreeding_recursive([5, 8], [1, 0.5])[2], 0.16875, 12),
    ],
)
def test_worked_examples_of_the_catalogue(claim, value, expected, digits):
    assert round(float(value()), digits) == pytest.approx(round(expected, digits)), claim


def test_refusals():
    with pytest.raises(ValueError, match=r"migration must be a finite number > 0 .*got 0"):
        theory.migration_law(0.3, 10, 0.0)
    with pytest.raises(ValueError, match=r"p must be > 0 .*got 0 at index 1"):
        theory.migration_law_diffusion([1.0, 0.0], 10, 0.1)
    with pytest.raises(ValueError, match=r"p must be in \(0, 1\) .*got 1"):
        theory.migration_law_diffusion(1.0, 10, 0.1)
    with pytest.raises(ValueError, match=r"n must be > 1 .*got 1"):
        theory.migration_law_diffusion(0.5, 1, 0.1, match=True)
    with pytest.raises(ValueError, match=r"fraction must make size \* fraction a whole number of tokens, got 2\.5"):
        theory.inbreeding_partial(5, 0.5, 1, reference="corpus")
    with pytest.raises(ValueError, match="reference must be one of 'corpus', 'truth', got 'x'"):
        theory.inbreeding_partial(6, 0.5, 1, reference="x")
    with pytest.raises(ValueError, match=r"real_fractions must have one entry per generation.*got 1"):
        theory.inbreeding_recursive([5, 5], [1.0])
    with pytest.raises(ValueError, match=r"real_fractions must be >= 0 and <= 1, got 2"):
        theory.inbreeding_recursive([5], [2.0])
    with pytest.raises(ValueError, match=r"t must be >= 0 .*got -1"):
        theory.inbreeding_smoothing(5, 1, -1)
    with pytest.raises(ValueError, match=r"counts must have at least two categories .*got 1"):
        theory.polya_limit([3])
    with pytest.raises(ValueError, match=r"counts must be > 0, got 0"):
        theory.polya_limit([3, 0])
    with pytest.raises(ValueError, match=r"counts must have a sum > 0"):
        theory.polya_heterozygosity([0, 0])
    with pytest.raises(ValueError, match=r"variance must be >= 0, got -1"):
        theory.linear_functional_variance(-1.0, 5)
