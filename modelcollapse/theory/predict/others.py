"""What `predict` knows of kernel density estimates, counts, waiting times and mixtures."""

from __future__ import annotations

import numpy as np

from modelcollapse.theory import categorical, counts, mixtures
from modelcollapse.theory import kernel_density as kde
from modelcollapse.theory.predict.loop import RATES, Answer, Loop, always, law, outer, replace, replace_or_keeps

# ------------------------------------------------------------------------------------------- kernel density estimates


class _Cloud:
    """The points of generation 0 and the law that is drawn from them, coordinate by coordinate."""

    def __init__(self, loop: Loop):
        self.loop, self.model = loop, loop.model
        points = np.asarray(self.model.points if loop.rows is None else loop.rows, dtype=float)
        self.dims = () if points.ndim == 1 else ("dim",)
        points = points.reshape(len(points), -1)
        self.dim = points.shape[1]
        centred = points - points.mean(axis=0)
        self.mean, self.variance, fourth = points.mean(axis=0), (centred**2).mean(axis=0), (centred**4).mean(axis=0)
        h2 = np.square(np.broadcast_to(self.model.h(), self.dim))
        self.drawn = self.variance + h2  # variance of a draw from generation 0
        self.kurtosis = (fourth + 6 * h2 * self.variance + 3 * h2**2) / self.drawn**2

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return expected variance of the points and mean squared error of their mean, (generation, dim)."""
        loop, T = self.loop, self.loop.plan.generations
        truth = self.drawn if loop.rows is None else self.variance
        W, M = np.stack(
            [
                kde.kde_moments(
                    loop.regime, T, self.model.bandwidth, variance=v, dim=self.dim, population=loop.population
                )
                for v in truth
            ],
            axis=-1,
        )
        W[0] = self.variance  # a run records the variance of the points, without the kernel
        return W, M

    def sd(self) -> np.ndarray:
        """Return the sd of the variance of the points under Replace, (generation, dim)."""
        loop = self.loop
        curves = [
            kde.kde_variance_sd(loop.steps, len(loop.steps), self.model.bandwidth, variance=v, kurtosis=k, dim=self.dim)
            for v, k in zip(self.drawn, self.kurtosis, strict=True)
        ]
        return loop.waited(np.stack(curves, axis=-1))

    def shaped(self, curves: np.ndarray) -> np.ndarray:
        """Drop the dimension where points are numbers."""
        return curves if self.dims else curves[:, 0]


def _varied(loop: Loop) -> str:
    if loop.rows is not None and (np.ptp(loop.rows, axis=0) == 0).any():
        return "some column of the rows does not vary"
    return ""


KDE_SOURCE = "KAZ-KDE (Kazdan et al. 2025, arXiv 2410.16713; derived), F-MASTER with a kernel"


@law("KernelDensity", "variance", _varied, "expected variance of the points, kernel not included; its sd under Replace")
def _kde_variance(loop: Loop) -> Answer:
    cloud = _Cloud(loop)
    known = not replace(loop)
    return Answer(
        cloud.shaped(cloud.moments()[0]),
        cloud.shaped(cloud.sd()) if known else None,
        cloud.dims,
        "exact",
        KDE_SOURCE,
        "E W' = (1 - 1/n)(E W + E h^2) under Replace, else w'Dw with h^2 added to every synthetic point "
        "(theory.kde_moments); the model has h^2 more than its points",
    )


@law("KernelDensity", "mean", _varied, "expected mean and its sd")
def _kde_mean(loop: Loop) -> Answer:
    cloud = _Cloud(loop)
    M = cloud.moments()[1]
    return Answer(
        cloud.shaped(outer(np.ones(len(M)), cloud.mean)),
        cloud.shaped(np.sqrt(M)),
        cloud.dims,
        "exact",
        KDE_SOURCE,
        "mean = mean_0, sd^2 = w'Cw with h^2 added to every synthetic point (theory.kde_moments)",
    )


@law("KernelDensity", "mean_squared_error", _varied, "expected squared distance of the mean from that of generation 0")
def _kde_error(loop: Loop) -> Answer:
    return Answer(
        _Cloud(loop).moments()[1].sum(axis=1),
        None,
        (),
        "exact",
        KDE_SOURCE,
        "w'Cw, summed over coordinates, with h^2 added to every synthetic point (theory.kde_moments)",
    )


# ------------------------------------------------------------------------------------------- counts, waiting times


def _mean_of(loop: Loop) -> float:
    return float(RATES[loop.model.kind](loop.model.rate))


def _poisson_error(loop: Loop) -> np.ndarray:
    """Return E[(rate_t - rate_0)^2], any regime."""
    rate = _mean_of(loop)
    unit, sibling = rate, 0.0
    if loop.rows is not None:
        unit = float(np.var(loop.rows))
        sibling = 1 / (loop.population - 1)
    # in the recursion of the kernel density, a model of variance `rate` is one whose kernel adds what its points lack
    M = kde._recursion(loop.plan, lambda size: (-1.0, rate / unit), sibling)[1]
    return unit * np.concatenate([[0.0], M])


@law("Poisson", "rate", _varied, "expected rate and its sd")
def _rate(loop: Loop) -> Answer:
    error = _poisson_error(loop)
    return Answer(
        np.full(len(error), _mean_of(loop)),
        np.sqrt(error),
        (),
        "exact",
        "JMR-MART (Jangjoo et al. 2026, arXiv 2506.20623); F-MASTER with the variance of a Poisson law (derived)",
        "mean = rate_0 (a martingale), sd^2 = rate_0 sum_i 1/n_i under Replace, w'Cw elsewhere",
    )


def _poisson_lives(loop: Loop) -> str:
    if loop.rows is not None and not loop.replace:
        return "with real rows it is known under Replace only"
    return replace_or_keeps(loop) or (replace(loop) if loop.replace else "")


@law("Poisson", "survival", _poisson_lives, "probability that the rate is not zero")
def _poisson_survival(loop: Loop) -> Answer:
    rate, steps = _mean_of(loop), loop.steps
    lost = np.zeros(len(steps) + 1)
    if loop.keeps and not loop.replace:
        lost[1:] = np.exp(-rate * loop.plan.real[0])
    elif len(steps):
        lost[1:] = np.exp(-rate * steps[0] * categorical._iterates(steps))
    mean = loop.waited(1 - lost)
    return Answer(
        mean,
        np.sqrt(mean * (1 - mean)),
        (),
        "exact",
        "SUR-T2 (Suresh et al. 2025, arXiv 2412.17646, Theorem 2)",
        "1 - exp(-n rate_0 g_t), g_1 = 1, g_{t+1} = 1 - exp(-g_t); 1 - exp(-n_1 rate_0) where real points stay",
    )


@law("Exponential", "log_rate", replace, "expected log rate and its sd")
def _log_rate(loop: Loop) -> Answer:
    steps = loop.steps
    drift = np.concatenate([[0.0], np.cumsum(counts.exponential_log_mean(steps, 1))])
    spread = np.concatenate([[0.0], np.cumsum(counts.exponential_log_variance(steps, 1))])
    return Answer(
        np.log(loop.model.rate) - loop.waited(drift),
        np.sqrt(loop.waited(spread)),
        (),
        "exact",
        "JMR-MART (Jangjoo et al. 2026, arXiv 2506.20623; derived)",
        "mean = ln(rate_0) + sum_i [ln(n_i) - psi(n_i)], sd^2 = sum_i psi_1(n_i)",
    )


@law("Exponential", "mean", always, "expected mean; its sd under Replace")
def _exponential_mean(loop: Loop) -> Answer:
    theta, sd = _mean_of(loop), None
    if not replace(loop):
        with np.errstate(over="ignore"):
            square = np.expm1(np.concatenate([[0.0], np.cumsum(np.log1p(1 / loop.steps))]))
        sd = loop.waited(theta * np.sqrt(square))
    return Answer(
        np.full(loop.plan.generations + 1, theta),
        sd,
        (),
        "exact",
        "JMR-MART (Jangjoo et al. 2026, arXiv 2506.20623; derived)",
        "mean = 1/rate_0 (a martingale), sd^2 = mean^2 (prod_i (1 + 1/n_i) - 1) under Replace",
    )


# ------------------------------------------------------------------------------------------- mixtures

LABELLED = (
    "exact if every point shows which component it came from; for expectation-maximisation the limit of infinite "
    "separation"
)


def _model_truth(loop: Loop) -> str:
    return "" if loop.rows is None else "which component a row came from is not known"


def _component_lives(loop: Loop) -> str:
    return _model_truth(loop) or replace(loop)


@law("GaussianMixture", "weight", _model_truth, "expected weight of each component and its sd (well separated)")
def _weight(loop: Loop) -> Answer:
    w, F = np.asarray(loop.model.weights), loop.F
    return Answer(
        outer(np.ones(len(F)), w),
        np.sqrt(outer(F, w * (1 - w))),
        ("component",),
        "asymptotic",
        loop.source,
        f"mean = w_0, sd^2 = F_t w_0 (1 - w_0); {LABELLED}",
        {"limit": "separation"},
    )


@law(
    "GaussianMixture",
    "survival",
    _component_lives,
    "probability that a component still has a point (well separated)",
)
def _component_survival(loop: Loop) -> Answer:
    w, T, sizes = np.asarray(loop.model.weights), loop.plan.generations, loop.plan.size
    n = int(sizes[0]) if (sizes == sizes[0]).all() else sizes
    mean = mixtures.component_survival(w, n, T)
    return Answer(
        mean,
        np.sqrt(mean * (1 - mean)),
        ("component",),
        "asymptotic",
        "SUR-T1, WF-LOSS for the weights (derived)",
        f"Wright-Fisher chain with two types; {LABELLED}",
        {"limit": "separation"},
    )
