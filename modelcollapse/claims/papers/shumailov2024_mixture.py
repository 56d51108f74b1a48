"""Shumailov et al. (2024): the mixture experiment, and the two artefacts that shape curves like its own.

The published curve of squared L2 distances rises and then levels off. Theory says how fast it must rise (a component of
m points narrows by a fixed rate of its log determinant), and that it cannot level off: what stops it is the constant
that the library adds to every covariance. A fixed integer seed inside a generation loop is the other artefact: every
generation then replays the same noise, and the variance does something exactly geometric.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from modelcollapse import Gaussian, Replace, theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at


def _log_det(run) -> np.ndarray:
    return np.linalg.slogdet(run["cov"].values)[1]


def _growth(n, dim, t):
    return float(t * theory.l2_squared_growth(n, dim=dim))


def _growth_sd(n, dim, t):
    return 0.5 * math.sqrt(t * special.polygamma(1, (n - np.arange(1, dim + 1)) / 2).sum())


def _grown(size, rng, n, dim, t):
    """Minus half the log determinant: the log of the integral of the squared density, up to a constant."""
    truth = Gaussian(np.zeros(dim), np.eye(dim), estimator="mle")
    return -0.5 * at(truth, Replace(n=n), t, size, rng, _log_det)


def _floored(size, rng, n, t, r, start=1.0):
    """Variances of the loop that adds r to every maximum-likelihood variance."""
    variance = np.full(size, start)
    for _ in range(t):
        variance = variance * rng.chisquare(n - 1, size) / n + r
    return variance


def _with_floor(n, t, r):
    return float(theory.regularised_variance(r, n, t))


def _library_fit(r, scale):
    """Covariance that scikit-learn gives to five fixed points, one component."""
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(1, covariance_type="full", reg_covar=r).fit(_points(scale)).covariances_[0]


def _points(scale):
    return scale * np.array([[0.0, 0.0], [1.0, 2.0], [2.0, -1.0], [-1.0, 1.0], [0.5, 1.0]])


def _fit_plus(r, scale):
    centred = _points(scale) - _points(scale).mean(axis=0)
    return centred.T @ centred / len(centred) + r * np.eye(2)


def _frozen(size, rng, n, t, estimator):
    """Log variances after t fits, each generation drawing the same standard normals: one seed per chain."""
    z = rng.standard_normal((size, n))
    sd = np.ones(size)
    for _ in range(t):
        points = sd[:, None] * z  # from the mean, which would only cost digits
        sd = points.std(axis=1, ddof=int(estimator == "unbiased"))
    return 2 * np.log(sd)


def _frozen_mean(n, t, estimator):
    return float(theory.frozen_seed_log_variance(n, t, estimator=estimator)[0])


def _frozen_sd(n, t, estimator):
    return float(theory.frozen_seed_log_variance(n, t, estimator=estimator)[1])


def _library_noise(seed, scale, points):
    """Standardised sample of a scikit-learn mixture whose ``random_state`` is an integer, in a wider model."""
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(1, random_state=seed)
    model.weights_, model.means_ = np.ones(1), np.zeros((1, 1))
    model.covariances_ = np.full((1, 1, 1), scale**2)
    return np.concatenate([model.sample(points)[0][:, 0] / scale for _ in range(2)])


def _replayed(seed, scale, points):
    return np.tile(_library_noise(seed, 1.0, points)[:points], 2)


def _narrow_squared(eigenvalues):
    return (4 * math.pi) ** (-len(eigenvalues) / 2) / math.sqrt(math.prod(eigenvalues))


CLAIMS = (
    Claim(
        id="SHU-EXP-GMM",
        title="The squared L2 distance of a refitted mixture grows exponentially",
        statement=(
            "Once the components are narrow, the squared L2 distance to the first fit is the integral of the squared "
            "density, and its log grows per generation by a fixed rate: about 5/(2m) in the plane for a component of m "
            "points, hence about 5/n where each of two components has n/2."
        ),
        formula=r"\ln L_2^2 \text{ grows by } -\frac12\sum_{i=1}^d\Big[\psi\Big(\frac{n-i}2\Big) + \ln\frac2n\Big]",
        assumptions="Maximum likelihood (divisor n), replace; components that no longer overlap.",
        source=("shumailov2024",),
        locus="mixture experiment; released code",
        kind=Kind.EMPIRICAL,
        theory=(theory.l2_squared_growth, theory.component_log_det_rate, theory.l2_squared_collapsed),
        simulation="Chains of refitted Gaussians in the plane; minus half the log determinant of the t-th fit.",
        checks=(
            Sampled(
                label="growth of the log of the integral of the squared density",
                predict=_growth,
                draw=_grown,
                sd=_growth_sd,
                skewness=1.0,
                cases=({"n": 500, "dim": 2, "t": 50}, {"n": 10, "dim": 2, "t": 5}, {"n": 40, "dim": 3, "t": 200}),
                size=20_000,
                mutants={"divisor n - 1": lambda n, dim, t: _growth(n, dim, t) - t * dim / 2 * math.log(n / (n - 1))},
            ),
            Limit(
                label="5/(2n) in the plane",
                value=lambda n: float(theory.l2_squared_growth(int(n), dim=2)),
                asymptote=lambda n: 5 / (2 * n),
                along=(50, 100, 200, 400, 800),
                remainder=lambda n: 1 / n,
                mutants={"3/(2n), as in one dimension": lambda n: 3 / (2 * n)},
            ),
            Limit(
                label="the distance of a narrow component from the truth is the integral of its square",
                value=lambda k: 1 / (4 * math.pi) + k / (4 * math.pi) - 2 / (2 * math.pi * (1 + 1 / k)),
                asymptote=lambda k: float(theory.l2_squared_collapsed(k**-0.5, dim=2)),
                along=(1e3, 2e3, 4e3, 8e3, 16e3),
                remainder=lambda k: 1 / k,
                name="1 / variance",
            ),
        ),
        second={
            "squared_l2_growth": lambda n, d: theory.l2_squared_growth(n, dim=d),
            "narrow_component_square": _narrow_squared,
        },
        tags=("mixture", "experiment"),
    ),
    Claim(
        id="GMM-REGCOVAR",
        title="A constant added to every covariance stops the collapse",
        statement=(
            "If every refit adds r to the maximum-likelihood variance, the expected variance tends to r n instead of "
            "0: such a loop does not collapse to a point."
        ),
        formula=r"\sigma_t^2 = \sigma_{t-1}^2\,\frac{\chi^2_{n-1}}n + r, \qquad E\sigma_t^2 \to rn",
        assumptions="One component, one dimension (the mean of the trace over d is the same), divisor n, replace.",
        source=("modelcollapse", "shumailov2024"),
        kind=Kind.EXACT,
        theory=(theory.regularised_variance, theory.regularised_variance_limit, theory.regularised_sd),
        simulation="The loop itself, chi-square by chi-square.",
        checks=(
            Sampled(
                label="mean variance with a floor",
                predict=_with_floor,
                draw=_floored,
                sd=lambda n, t, r: float(theory.regularised_sd(r, n, t)[-1]),
                cases=({"n": 10, "t": 3, "r": 0.05}, {"n": 50, "t": 20, "r": 1e-3}, {"n": 5, "t": 2, "r": 1.0}),
                size=100_000,
                mutants={"no floor": lambda n, t, r: (1 - 1 / n) ** t},
            ),
            Computed(
                label="scikit-learn adds reg_covar to the covariance with divisor n",
                predict=_fit_plus,
                other=_library_fit,
                cases=({"r": 1e-6, "scale": 1e-3}, {"r": 1e-3, "scale": 1.0}),
                rtol=1e-8,
                mutants={"divisor n - 1": lambda r, scale: 1.25 * _fit_plus(0, scale) + r * np.eye(2)},
            ),
        ),
        second={
            "floor_mean": lambda n, floor: floor * n,
            "floor_mean_on_the_way": lambda n, floor, t, start: theory.regularised_variance(
                floor, n, t, variance=start
            ),
        },
        tags=("mixture", "artefact"),
    ),
    Claim(
        id="GMM-FROZEN-SEED",
        title="An integer seed inside the loop freezes the drift",
        statement=(
            "If the sampler starts from the same integer seed in every generation, the ratio of successive variances "
            "is one constant per seed: the log variance of a chain is t times one random number, with the mean of a "
            "sound loop and a standard deviation that grows like t instead of its square root."
        ),
        formula=r"\ln\sigma_t^2 - \ln\sigma_0^2 = t\,\ln\frac{\chi^2_\nu}{\mathrm{div}}",
        assumptions="One Gaussian component, replace; seeds differ between chains only.",
        source=("modelcollapse",),
        kind=Kind.EXACT,
        theory=(theory.frozen_seed_log_variance, theory.frozen_seed_variance, theory.frozen_seed_ratio),
        simulation="Literal refits to standard normals that are drawn once per chain and used in every generation.",
        checks=(
            Sampled(
                label="mean log variance over seeds",
                predict=_frozen_mean,
                draw=_frozen,
                sd=_frozen_sd,
                skewness=2.0,
                cases=({"n": 4, "t": 5, "estimator": "mle"}, {"n": 10, "t": 30, "estimator": "unbiased"}),
                size=200_000,
            ),
            Sampled(
                label="squared log variance over seeds: t^2, not t",
                predict=lambda n, t, estimator: _frozen_mean(n, t, estimator) ** 2 + _frozen_sd(n, t, estimator) ** 2,
                draw=lambda size, rng, n, t, estimator: _frozen(size, rng, n, t, estimator) ** 2,
                # E Y^4 of t times a log chi-square, from its cumulants
                sd=lambda n, t, estimator: _square_sd(n, t, estimator),
                cases=({"n": 6, "t": 5, "estimator": "mle"}, {"n": 20, "t": 8, "estimator": "unbiased"}),
                size=200_000,
                mutants={
                    "a sound loop": lambda n, t, estimator: (
                        _frozen_mean(n, t, estimator) ** 2 + _frozen_sd(n, t, estimator) ** 2 / t
                    )
                },
            ),
            Computed(
                label="scikit-learn with an integer random_state replays its noise",
                predict=_replayed,
                other=_library_noise,
                cases=({"seed": 0, "scale": 2.0, "points": 5}, {"seed": 7, "scale": 1e-3, "points": 50}),
                rtol=1e-9,
            ),
        ),
        second={
            "frozen_variance": lambda z, t, mean, variance: variance * np.var(z) ** t,
            "free_ratio_mean": lambda n: 1 - 1 / n,
            "free_ratio_sd": lambda n: theory.frozen_seed_ratio(n, estimator="mle")[1],
        },
        tags=("mixture", "gaussian", "artefact"),
    ),
    Claim(
        id="ERR-6",
        title="Text and released code of the mixture experiment differ",
        statement=(
            "The released code starts from one Gaussian blob fitted by two components, where the text says two "
            "Gaussians. Each component then has half of the points, and the log of the squared L2 distance grows twice "
            "as fast as for one component of all points."
        ),
        formula=r"\frac{\text{rate}(n/2)}{\text{rate}(n)} \to 2",
        assumptions="As in SHU-EXP-GMM.",
        source=("shumailov2024",),
        locus="mixture experiment; released code",
        kind=Kind.CORRECTION,
        theory=(theory.l2_squared_growth,),
        checks=(
            Limit(
                label="half of the points, twice the rate",
                value=lambda n: float(theory.l2_squared_growth(int(n) // 2, dim=2)),
                asymptote=lambda n: 2 * float(theory.l2_squared_growth(int(n), dim=2)),
                along=(100, 200, 400, 800, 1600),
                remainder=lambda n: 1 / n,
                mutants={"the same rate": lambda n: float(theory.l2_squared_growth(int(n), dim=2))},
            ),
        ),
        remark=(
            "Said of the code, and not checked here: its language-model script has repetition_penalty=3.0, its logged "
            "standard deviation of perplexities is exp of the standard deviation of losses, and evolution 0 of the "
            "mixture loop is a second fit to the same real data."
        ),
        tags=("mixture", "erratum", "artefact"),
    ),
    Claim(
        id="ERR-13",
        title="The late plateau of the published mixture curve is a variance floor",
        statement=(
            "The published squared L2 distance levels off because the library adds 1e-6 to every covariance "
            "(GMM-REGCOVAR). The expected variance then stays at 1e-6 times the number of points for ever, where "
            "without the floor the typical variance goes on falling."
        ),
        assumptions="A component of 500 points, the published number of generations and twice as many.",
        source=("shumailov2024",),
        locus="mixture experiment, late evolutions",
        kind=Kind.CORRECTION,
        theory=(theory.regularised_variance, theory.regularised_quantile, theory.component_log_det_rate),
        simulation="The loop with the floor, chi-square by chi-square.",
        checks=(
            Sampled(
                label="once there, the mean variance stays, and stays for twice as many generations",
                predict=lambda n, t, r: r * n,
                draw=lambda size, rng, n, t, r: _floored(size, rng, n, t, r, start=r * n),
                sd=lambda n, t, r: float(theory.regularised_sd(r, n, t, variance=r * n)[-1]),
                cases=({"n": 2, "t": 20, "r": 1e-6}, {"n": 2, "t": 40, "r": 1e-6}, {"n": 5, "t": 100, "r": 1e-6}),
                size=400_000,
                mutants={"no floor": lambda n, t, r: 0.0},
            ),
            Ordered(
                label="without the floor the typical variance is a fifth or less by evolution 2049, and then falls on",
                lower=lambda n, t: np.exp(theory.component_log_det_rate(n, dim=2) * np.asarray(t) / 2),
                upper=lambda n, t: float(theory.regularised_quantile(0.5, 1e-6, n)) / np.array([5.0, 500.0]),
                bound="upper",
                cases=({"n": 500, "t": (2049, 4098)},),
            ),
            Ordered(
                label="the final value of the stored output, 536.28, lies within the law of the plateau",
                lower=lambda n: 536.28,
                upper=lambda n: float(
                    theory.l2_squared_collapsed(float(theory.regularised_quantile(0.001, 1e-6, n)) ** 0.5)
                ),
                bound="upper",
                cases=({"n": 500}, {"n": 1000}),
            ),
        ),
        tags=("mixture", "erratum", "artefact"),
    ),
)


def _square_sd(n, t, estimator) -> float:
    """Sd of the square of t ln(chi-square / div), from the first four cumulants of a log chi-square."""
    k1, half = _frozen_mean(n, 1, estimator), (n - 1) / 2
    k2, k3, k4 = (float(special.polygamma(order, half)) for order in (1, 2, 3))
    second = k2 + k1**2
    fourth = k4 + 4 * k3 * k1 + 3 * k2**2 + 6 * k2 * k1**2 + k1**4
    return t**2 * math.sqrt(fourth - second**2)
