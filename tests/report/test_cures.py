"""Cures: what is known of them, and the section of the report that shows them."""

import itertools
import json
import math
import re

import numpy as np
import pytest
from scipy import special

from modelcollapse import report, theory
from modelcollapse.curation import Detector, Prefer, SelectTop
from modelcollapse.families import Categorical, Empirical, Gaussian
from modelcollapse.regimes import Accumulate, FreshReal, Replace
from modelcollapse.report import cures, data, experiments, figures, known, page, prose
from modelcollapse.simulate import simulate
from modelcollapse.testing import assert_agrees, assert_kills, stream
from modelcollapse.theory import gaussian
from modelcollapse.verify import pvalue_spread

RNG = stream("tests/report/test_cures.py")
N, T = 20, 30


# ------------------------------------------------------------------------------------------------ exact


def test_moments_are_those_of_replace():
    found = known.moments([known.fresh(N, 0)] * (T - 1), 7.0)
    steps = np.maximum(np.arange(T + 1) - 1, 0)
    error_sd = np.sqrt(gaussian.squared_error_variance(N, steps, estimator="mle"))
    np.testing.assert_allclose(found.error, 1 - (1 - 1 / N) ** steps, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.error_sd, error_sd, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        found.variance_sd, gaussian.sd_of_variance(N, steps, estimator="mle"), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize(
    ("regime", "fits"),
    [
        (FreshReal(n=N, n_real=1), [known.fresh(N, 1)] * (T - 1)),
        (FreshReal(n=N, n_real=7), [known.fresh(N, 7)] * (T - 1)),
        (FreshReal(n=N, n_real=7), [known.fresh(N, 7, 7 / N)] * (T - 1)),
        (FreshReal(n=N, n_real=7), [known.screened(N, 7, 0.0, 0.0)[0]] * (T - 1)),
        (Accumulate(n=N), [known.accumulated(N, t) for t in range(2, T + 1)]),
    ],
    ids=str,
)
def test_moments_are_those_of_the_master_formula(regime, fits):
    expected = theory.inbreeding(regime, T, population=N)
    np.testing.assert_allclose(known.moments(fits, 3.0).error, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("ratio", [1 / 9, 1.0, 3.0])
def test_the_golden_weight_is_the_best(ratio):
    made = 100_000
    real = round(ratio * made)
    best = float(theory.golden_weight(real / made))
    limit = {w: known.moments([known.fresh(real + made, real, w)] * 200, 3.0).error[-1] for w in (best, 0.9 * best)}
    assert real * limit[best] == pytest.approx(best, rel=1e-4)
    assert real * limit[0.9 * best] == pytest.approx(float(theory.golden_variance(0.9 * best, real / made)), rel=1e-4)
    assert limit[best] < limit[0.9 * best]


def test_what_a_detector_leaves():
    fit, too_few = known.screened(60, 10, 0.8, 0.1)
    assert fit.probability.sum() == pytest.approx(1, rel=1e-12)
    left = np.where(fit.weight > 0, fit.real, 0) + np.where(fit.share > 0, fit.made, 0)
    assert fit.probability @ left == pytest.approx(60 * theory.detector_kept(1 / 6, 0.8, 0.1), rel=1e-9)
    none, one = 0.1**10 * 0.8**50, 10 * 0.9 * 0.1**9 * 0.8**50 + 0.1**10 * 50 * 0.2 * 0.8**49
    assert too_few == pytest.approx(none + one, rel=1e-9)


def test_dropping_unbiased_samples_does_harm():
    fits = {rates: known.screened(150, 15, *rates)[0] for rates in ((0.0, 0.0), (0.85, 0.05), (1.0, 0.0))}
    limit = {rates: known.moments([fit] * 300, 3.0).error[-1] for rates, fit in fits.items()}
    assert limit[0.0, 0.0] < limit[0.85, 0.05] < limit[1.0, 0.0] == pytest.approx(1 / 15, rel=1e-12)


def enumerated(counts, favourite, gap, generations, real):
    """The heterozygosity of the loop, by following the probability of every table of counts."""
    size, K = int(counts.sum()), len(counts)
    tables = [c for c in itertools.product(range(size + 1), repeat=K) if sum(c) <= size]

    def law(n, p):
        return {
            c: math.exp(math.lgamma(n + 1) - sum(math.lgamma(k + 1) for k in c)) * math.prod(p**c)
            for c in tables
            if sum(c) == n
        }

    reward = np.where(np.arange(K) == favourite, gap, 0.0)
    rows = law(real, counts / size)
    at, out = {tuple(counts.tolist()): 1.0}, []
    for t in range(generations + 1):
        if t > 1:
            after = {}
            for c, weight in at.items():
                made = law(size - real, theory.curated_law(np.array(c) / size, reward, 2))
                for (a, p), (b, q) in itertools.product(made.items(), rows.items()):
                    total = tuple(i + j for i, j in zip(a, b, strict=True))
                    after[total] = after.get(total, 0.0) + weight * p * q
            at = after
        out.append(sum(w * (1 - sum(k * k for k in c) / size**2) for c, w in at.items()))
    return out


@pytest.mark.parametrize("real", [0, 1, 2])
@pytest.mark.parametrize("favourite", [0, 1])
def test_a_preferred_class_against_all_tables(real, favourite):
    counts = np.array([1, 3, 2])
    expected = enumerated(counts, favourite, 0.7, 5, real)
    np.testing.assert_allclose(known.favoured(counts, favourite, 0.7, 5, real), expected, rtol=1e-12)


def test_without_preference_classes_drift():
    counts = np.array([4, 6, 10])
    expected = 0.62 * (1 - theory.inbreeding(FreshReal(n=N, n_real=3), T, population=N))
    np.testing.assert_allclose(known.favoured(counts, 2, 0.0, T, 3), expected, rtol=1e-11)


def test_a_preference_on_the_line():
    # two candidates on a grid of Gauss and Hermite, chosen as a curator does
    z, w = np.polynomial.hermite_e.hermegauss(90)
    a, b = np.meshgrid(z, z)
    weight = np.multiply.outer(w, w) / w.sum() ** 2
    first = special.expit(a - b)
    mean = (weight * (first * a + (1 - first) * b)).sum()
    square = (weight * (first * a**2 + (1 - first) * b**2)).sum()
    variance, shift = known.preferred(N, 2)
    assert square == pytest.approx(1, rel=1e-10)
    assert shift[2] == pytest.approx(mean, rel=1e-8)
    assert variance[2] == pytest.approx((1 - 1 / N) * (square - mean**2), rel=1e-8)


def test_a_filter_of_many_points_is_a_verifier():
    mean, sd, error = known.filtered(100_000, 90_000, 3)
    factor = float(theory.verifier_contraction(special.ndtri(0.95)))
    np.testing.assert_allclose(mean, [1, 1, factor, factor**2], rtol=1e-4)
    assert sd[3] < 0.01
    assert error[2] == pytest.approx(factor / 90_000, rel=1e-4)


# ------------------------------------------------------------------------------------------------ statistical

ROWS = RNG.gamma(2.0, size=N)
TRUTH = Empirical(ROWS, Gaussian.from_data(ROWS, estimator="mle"))
#: generations of the runs
FEW = 4


def errors(regime):
    """Squared errors of the mean, in variances of the rows, of generations 2, 3, ..."""

    def draw(size, rng):
        run = simulate(TRUTH, regime, generations=FEW, replicates=size, rng=rng)
        return ((run["mean"].values - ROWS.mean()) ** 2 / ROWS.var())[:, 2:]

    return draw


def against(fit):
    found = known.moments([fit] * (FEW - 1), known.kurtosis(ROWS))
    return lambda sample: pvalue_spread(sample, found.error[2:], found.error_sd[2:])


def test_golden_weights_agree():
    assert_kills(
        errors(FreshReal(n=N, n_real=4, real_weight=0.4)),
        against(known.fresh(N, 4, 0.4)),
        mutants={
            "equal weights": errors(FreshReal(n=N, n_real=4)),
            "weights swapped": errors(FreshReal(n=N, n_real=4, real_weight=0.6)),
            "no real rows": errors(Replace(n=N)),
        },
        wrong={"two rows more": against(known.fresh(N, 6, 0.4)), "without noise": against(known.fresh(9 * N, 4, 0.4))},
        size=2000,
        formula="F' = w^2/r + (1 - w)^2 (F + (1 - F)/m)",
        source="GOLD-MEAN",
    )


def test_detectors_agree():
    assert_kills(
        errors(FreshReal(n=N, n_real=8, curation=Detector(0.6, 0.1))),
        against(known.screened(N, 8, 0.6, 0.1)[0]),
        mutants={
            "rates swapped": errors(FreshReal(n=N, n_real=8, curation=Detector(0.1, 0.6))),
            "no detector": errors(FreshReal(n=N, n_real=8)),
        },
        wrong={"no detector": against(known.fresh(N, 8)), "half as many left": against(known.fresh(6, 4))},
        size=2000,
        formula="F' = E[A/S^2] + E[B^2/S^2] F + E[B/S^2] (1 - F)",
        source="detector-in-fresh-loop",
    )


def test_the_filter_agrees():
    kept, at = 12, 3
    mean, sd, _ = known.filtered(N, kept, at)

    def drawn(keep=kept, farthest=False, divisor=0):
        def draw(size, rng):
            variance = np.ones(size)
            for _ in range(at - 1):
                x = rng.standard_normal((size, N)) * np.sqrt(variance)[:, None]
                order = np.argsort(-np.abs(x) if farthest else np.abs(x), axis=1)[:, :keep]
                variance = np.take_along_axis(x, order, 1).var(axis=1, ddof=divisor)
            return variance

        return draw

    def pvalues(sample):
        # that of the second moment needs a fourth, which is below 3 for a bounded factor squared
        return pvalue_spread(sample, mean[at], sd[at])

    assert_kills(
        drawn(),
        pvalues,
        mutants={
            "one more is kept": drawn(kept + 1),
            "the farthest are kept": drawn(farthest=True),
            "divisor n - 1": drawn(divisor=1),
        },
        size=20_000,
        formula="(1 - 1/m) E rho(b), b the (m + 1)-th distance",
        source="yi-verifier-center",
    )

    def simulated(size, rng):
        run = simulate(
            TRUTH,
            Replace(n=N, curation=SelectTop(kept / N, by="likelihood")),
            generations=at,
            replicates=size,
            rng=rng,
        )
        return run["variance"].values[:, at] / ROWS.var()

    assert_agrees(simulated, mean[at], sd=sd[at], skewness=3.0, size=3000)


def test_preferences_agree():
    counts = np.array([4, 6, 10])
    labels = np.repeat(list("abc"), counts)
    truth = Empirical(labels, Categorical.from_data(labels))
    regime = FreshReal(n=N, n_real=3, curation=Prefer(lambda points: 1.0 * (points == 1)))

    def draw(size, rng):
        p = simulate(truth, regime, generations=FEW, replicates=size, rng=rng)["probability"].values
        return 1 - (p[:, 2:] ** 2).sum(-1)

    assert_agrees(draw, known.favoured(counts, 1, 1.0, FEW, 3)[2:], bounds=(0, 1), size=2000)


# ------------------------------------------------------------------------------------------------ the section


def table_of(rows, classes=None):
    rows = np.asarray(rows, dtype=float)
    rows = rows[:, None] if rows.ndim == 1 else rows
    columns = tuple(f"x{j}" for j in range(rows.shape[1]))
    label = None if classes is None else "kind <b>"
    return data.Table("a test", columns, rows, label, None if classes is None else tuple(classes))


def settings(chains=3000, cure_chains=60, generations=6):
    small = experiments.Settings.of(True, 5)
    return experiments.Settings(
        **{**vars(small), "chains": chains, "cure_chains": cure_chains, "cure_generations": generations}
    )


@pytest.fixture(scope="module")
def part():
    kinds = ["often"] * 50 + ["seldom"] * 40 + ["rare"] * 10
    return cures.cures(table_of(RNG.normal(size=100), kinds), settings())


def section(part):
    figures.draw(part)
    text = page._cures({"cures": part.facts}, part)
    return text, re.sub(r"<[^>]*>", " ", re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL))


def test_every_cure_has_numbers_and_theory(part):
    names = [row["name"] for row in part.facts["cures"]]
    assert names == [
        "replace",
        "one migrant",
        "10 % kept",
        "10 % fresh",
        "10 % fresh, golden weight",
        "accumulate",
        "temperature 0.95",
        "temperature above 1",
        "10 % fresh, detector",
        "perplexity filter",
        "preference",
    ]
    for row in part.facts["cures"]:
        for quantity in ("variance_share", "squared_error_share"):
            assert math.isfinite(row[quantity]["theory"])
            assert row[quantity]["theory_kind"] == ("asymptotic" if row["name"] == "preference" else "exact")
            assert row[quantity]["theory_source"]
    for row in part.facts["classes"]["cures"]:
        assert row["heterozygosity"]["theory_kind"] == "exact"


def test_numbers_go_to_the_file(part):
    kept = {(row["model"], row["regime"], row["quantity"]) for row in part.numbers}
    keys = [(r["model"], r["regime"], r["quantity"], r["part"], r["generation"]) for r in part.numbers]
    assert len(set(keys)) == len(keys)
    for row in part.facts["cures"]:
        assert ("cures: Gaussian of x0", row["name"], "squared_error_share") in kept
    assert ("cures: classes (kind <b>)", "preference", "heterozygosity") in kept


def test_prices(part):
    price = {r["name"]: (r["real"], r["which"], r["not_used"], r["fitted"]) for r in part.facts["cures"]}
    assert price["replace"] == (0, "", 0, 100)
    assert price["one migrant"] == (1, "new", 0, 100)
    assert price["10 % kept"] == (10, "kept", 0, 100)
    assert price["10 % fresh, golden weight"] == (10, "new", 0, 100)
    assert price["accumulate"] == (100, "kept", 0, 600)
    assert price["perplexity filter"] == (0, "", 10, 90)
    assert price["preference"] == (0, "", 100, 100)
    real, which, dropped, fitted = price["10 % fresh, detector"]
    assert (real, which) == (10, "new")
    assert dropped + fitted == pytest.approx(100)
    assert 60 < dropped < 90
    classes = {r["name"]: r for r in part.facts["classes"]["cures"]}
    assert classes["preference, 10 % fresh"]["not_used"] == 90


def test_theory_is_not_contradicted(part):
    assert len(part.verdicts) == 9 + 3
    assert [v["sentence"] for v in part.verdicts if v["status"] in ("CONTRADICTED", "OUT_OF_SCOPE")] == []
    assert {v["regime_name"] for v in part.verdicts if v["status"] == "SUPPORTED"} >= {
        "one migrant",
        "10 % fresh",
        "accumulate",
        "temperature 0.95",
        "perplexity filter",
    }
    judged = {v["regime_name"]: v["quantity"] for v in part.verdicts if "Gaussian" in v["model"]}
    assert judged["temperature 0.95"] == "log_variance"
    assert judged["perplexity filter"] == "variance"
    assert judged["10 % fresh, golden weight"] == "mean_squared_error"


def test_a_wrong_theory_would_be_seen(part):
    work = part.work["column"]
    wrong = {
        "10 % fresh": known.fresh(100, 1),
        "accumulate": known.fresh(100, 10),
        "one migrant": known.fresh(100, 20),
    }
    judge = experiments.Part("mutants")
    for name, fit in wrong.items():
        found = known.moments([fit] * 5, 3.0)
        off = work["known"][name]["mean_squared_error"].copy()
        off["mean"], off["sd"] = off["mean"] * 0 + found.error * work["start"], off["sd"] * 0 + found.error_sd
        judge.judge("mutant", name, work["runs"][name], off)
    assert {v["status"] for v in judge.verdicts} == {"CONTRADICTED"}


def test_the_section(part):
    html, text = section(part)
    assert html.count("<svg") == html.count("<figure") == 2
    assert "kind <b>" not in html
    assert "kind &lt;b&gt;" in html
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b|\{[a-z]", text)
    for words in ("golden", "drawn only", "judged above", "perplexity filter", "often", "theory is"):
        assert words in text
    assert "theory (asymptotic)" in part.figures["cures"]
    assert "theory (asymptotic)" not in part.figures["cures-classes"]


def test_the_summary_can_be_written(part):
    json.dumps(report._plain(part.facts), allow_nan=False)


@pytest.mark.parametrize("rows", [10, 13])
def test_few_rows(rows):
    small = cures.cures(table_of(RNG.normal(size=rows)), settings(generations=4))
    names = [row["name"] for row in small.facts["cures"]]
    assert "one migrant" not in names
    assert not any("detector" in name for name in names)
    html, text = section(small)
    assert "A detector is left out" in text
    assert "One migrant per generation is" in text
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b|\{[a-z]", text)
    assert "CONTRADICTED" not in html
    for row in small.facts["cures"]:
        assert math.isfinite(row["variance_share"]["mean"])


def test_without_classes_their_cures_are_left_out():
    plain = cures.cures(table_of(RNG.normal(size=30)), settings(generations=4))
    assert plain.facts["classes"] is None
    assert "classes" not in plain.work
    html, text = section(plain)
    assert html.count("<svg") == 1
    assert "The data have no classes" in text


def test_many_rows_are_cut():
    rows = RNG.lognormal(size=cures.MOST_ROWS + 1)
    large = cures.cures(table_of(rows, RNG.choice(list("ab"), len(rows))), settings(20, 12, 4))
    assert large.facts["rows"] == cures.MOST_ROWS
    assert "1,000 of the 1,001 rows" in large.facts["note"]
    assert "1,000 of the 1,001 rows" in section(large)[1]


def test_units_do_not_matter():
    x = RNG.normal(size=40)
    one, other = (cures.cures(table_of(1e-9 * s + 1e-9 * s * x), settings(generations=4)) for s in (1.0, 1e15))
    for a, b in zip(one.facts["cures"], other.facts["cures"], strict=True):
        assert a["variance_share"]["mean"] == pytest.approx(b["variance_share"]["mean"], rel=1e-6)
        assert a["status"] == b["status"]


def test_same_seed_same_cures():
    x = RNG.normal(size=30)
    first, again = (cures.cures(table_of(x), settings(generations=4), n_jobs=jobs) for jobs in (1, 2))
    assert json.dumps(first.numbers) == json.dumps(again.numbers)


def test_a_finding_names_the_cures(part):
    sentence = prose._cure_sentence(part.facts)
    assert "golden weight" in sentence
    assert "perplexity filter" in sentence
