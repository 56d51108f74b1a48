"""What `predict` knows of a Gaussian."""

from __future__ import annotations

import numpy as np

from modelcollapse.theory import gaussian
from modelcollapse.theory.predict.loop import (
    Answer,
    Loop,
    always,
    full_rank_replace,
    law,
    outer,
    replace,
    scalar_replace,
    vector,
    vector_full_rank_replace,
)


def _dims(loop: Loop) -> tuple[str, ...]:
    return () if loop.dim is None else ("dim",)


@law("Gaussian", "log_variance", replace, "expected log variance and its sd")
def _log_variance(loop: Loop) -> Answer:
    estimator = loop.model.estimator
    with np.errstate(divide="ignore"):
        start = np.log(loop.variances)
    steps = loop.walk(lambda n, t: gaussian.log_variance_mean(n, t, estimator=estimator))
    sd = np.sqrt(loop.walk(gaussian.log_variance_var))
    return Answer(
        np.add.outer(steps, start),
        outer(sd, np.ones_like(start)),
        _dims(loop),
        "exact",
        "G-LOGWALK (derived)",
        "mean = ln(variance_0) + sum_i [psi(nu_i/2) + ln(2/div_i)], sd^2 = sum_i psi_1(nu_i/2)",
    )


def _second_moment(plan, estimator: str) -> np.ndarray:
    r"""Return an upper bound on :math:`E v_t^2`, t = 1 .. T, of the fitted variance v_t in units of the true one.

    Let m be the second moment of a training set about the true mean, and q that of the model fitted to it. Pathwise
    :math:`v \le cm` and :math:`q \le cm` with c = 1 for the mle and N/(N - 1) otherwise. A batch of s points of the
    model has, given the model, a second moment of mean q and variance :math:`(2v^2 + 4v\delta^2)/s \le 2q^2/s`, where
    :math:`v + \delta^2 = q`. So :math:`E b^2 \le (1 + 2/s)E q^2`, with real points (:math:`q = 1`) counted by their
    share. A pool of batches is an average of their b; its square is at most the average of the squares (Jensen).
    Drawing D points from the pool without replacement adds at most the mean of :math:`x^4` over D, and
    :math:`E x^4 \le 3E q^2`.
    """
    T, size = plan.generations, plan.batch.astype(float)
    c = np.ones(T) if estimator == "mle" else plan.size / (plan.size - 1)
    out, model = np.empty(T), 1.0
    # cumulated over batches, each with its weight: bounds of b^2, and of x^4 over 3
    square, fourth = np.zeros(T + 1), np.zeros(T + 1)
    for t in range(T):
        share = plan.synthetic[t] * (1 - plan.mix[t]) / size[t]
        q = 1 - share + share * model
        square[t + 1], fourth[t + 1] = square[t] + size[t] * (1 + 2 / size[t]) * q, fourth[t] + size[t] * q
        old = int(plan.oldest[t]) - 1
        kept = plan.pinned if old else 0
        pool = (square[t + 1] - square[old] + (kept + 2 if kept else 0)) / plan.held[t]
        if 0 < plan.drawn[t] < plan.held[t]:
            drawn = plan.drawn[t]
            pool = pool * (1 - 1 / drawn) + 3 * (fourth[t + 1] - fourth[old] + kept) / plan.held[t] / drawn
        out[t] = model = c[t] ** 2 * pool
    return out


@law("Gaussian", "variance", always, "expected variance; its sd under Replace, and a bound on it elsewhere")
def _variance(loop: Loop) -> Answer:
    share, estimator = loop.first_moments[0], loop.model.estimator
    mean, sd, more = outer(share, loop.variances), None, {}
    if not replace(loop):
        sd = outer(loop.walk(lambda n, t: gaussian.sd_of_variance(n, t, estimator=estimator)), loop.variances)
    elif loop.rows is None:
        square = np.concatenate([[1.0], _second_moment(loop.plan, estimator)])
        sd = outer(np.sqrt(np.maximum(square - share**2, 0.0)), loop.variances)
        more = {"sd_kind": "bound"}
    if estimator == "mle":
        source = loop.source
        formula = "mean = (1 - F_t) variance_0, sd^2 = mean^2 (prod_i (1 + 2/nu_i) - 1) under Replace"
    elif more or sd is None:
        source = "F-MASTER, consequence 4 (derived); mad-fresh-loop-moments (derived; arXiv 2307.01850) generalised"
        formula = "mean = N/(N-1) w'Dw variance_0 (theory.moments)"
    else:
        source, formula = "G-LOGWALK", "mean = variance_0, sd^2 = mean^2 (prod_i (1 + 2/nu_i) - 1)"
    if more:
        source += "; bound on the sd: derived"
        formula += "; elsewhere sd^2 <= a bound of E[variance^2], less mean^2"
    elif sd is not None:
        source += "; sd: G-HEAVY (derived)"
    return Answer(mean, sd, _dims(loop), "exact", source, formula, more)


@law("Gaussian", "cov", vector, "expected covariance matrix")
def _cov(loop: Loop) -> Answer:
    return Answer(
        outer(loop.first_moments[0], loop.model.cov),
        None,
        ("dim", "dim_"),
        "exact",
        loop.source,
        "mean = E[variance_t]/variance_0 cov_0; (1 - F_t) cov_0 for the mle",
    )


@law("Gaussian", "sd", replace, "expected standard deviation and its sd")
def _sd(loop: Loop) -> Answer:
    estimator = loop.model.estimator
    mean = outer(loop.walk(lambda n, t: gaussian.expected_sd(n, t, estimator=estimator)), np.sqrt(loop.variances))
    sd = outer(loop.walk(lambda n, t: gaussian.sd_of_sd(n, t, estimator=estimator)), np.sqrt(loop.variances))
    return Answer(
        mean,
        sd,
        _dims(loop),
        "exact",
        "gauss-sigma-c4 (classical); BERT (Bertrand et al. 2024, arXiv 2310.00429)",
        "mean = sd_0 prod_i c4(n_i) [sqrt(1 - 1/n_i) for the mle]",
    )


@law("Gaussian", "mean", always, "expected mean and its sd")
def _mean(loop: Loop) -> Answer:
    sd = np.sqrt(outer(loop.first_moments[1], loop.variances))
    start = np.asarray(loop.model.mean, dtype=float)
    return Answer(
        outer(np.ones(len(sd)), start),
        sd,
        _dims(loop),
        "exact",
        loop.source,
        "mean = mean_0, sd^2 = F_t variance_0 for the mle; sum_i 1/n_i variance_0 for unbiased Replace",
    )


@law("Gaussian", "mean_squared_error", always, "expected squared distance of the mean from that of generation 0")
def _mean_squared_error(loop: Loop) -> Answer:
    total = float(loop.variances.sum())
    sd = None
    if not scalar_replace(loop):
        estimator = loop.model.estimator
        sd = np.sqrt(loop.walk(lambda n, t: gaussian.squared_error_variance(n, t, estimator=estimator))) * total
    return Answer(
        loop.first_moments[1] * total,
        sd,
        (),
        "exact",
        loop.source + ("; sd: SHU-1D-VARW2 (derived)" if sd is not None else ""),
        "mean = F_t tr(cov_0) for the mle; sum_i 1/n_i tr(cov_0) for unbiased Replace",
    )


@law("Gaussian", "w2_squared", scalar_replace, "expected squared Wasserstein-2 distance from generation 0 and its sd")
def _w2_squared(loop: Loop) -> Answer:
    estimator, variance = loop.model.estimator, float(loop.model.cov)
    mean = loop.walk(lambda n, t: gaussian.expected_w2_squared(n, t, estimator=estimator, variance=variance))
    sd = np.sqrt(loop.walk(lambda n, t: gaussian.w2_squared_variance(n, t, estimator=estimator))) * variance
    return Answer(
        mean,
        sd,
        (),
        "exact",
        "SHU-1D-EW2, SHU-1D-VARW2 (Shumailov et al. 2024, Nature 631:755, leading order; exact forms derived)",
        "mean/variance_0 = sum_i 1/n_i + 2 (1 - prod_i c4(n_i)) (unbiased), 2 - 2 prod_i c4(n_i) sqrt(1 - 1/n_i) (mle)",
    )


@law("Gaussian", "log_det", vector_full_rank_replace, "expected log determinant of the covariance and its sd")
def _log_det(loop: Loop) -> Answer:
    estimator, dim = loop.model.estimator, loop.dim
    mean = loop.walk(lambda n, t: gaussian.log_det_mean(n, t, dim=dim, estimator=estimator))
    sd = np.sqrt(loop.walk(lambda n, t: gaussian.log_det_var(n, t, dim=dim)))
    return Answer(
        np.linalg.slogdet(loop.model.cov)[1] + mean,
        sd,
        (),
        "exact",
        "G-DET (derived)",
        "mean = ln det cov_0 + sum_i sum_k [psi((n_i-k)/2) + ln(2/div_i)], sd^2 = sum_i sum_k psi_1((n_i-k)/2)",
    )


@law("Gaussian", "kl_forward", full_rank_replace, "expected KL(p_t || p_0) in nats")
def _kl_forward(loop: Loop) -> Answer:
    estimator, dim = loop.model.estimator, loop.dim or 1
    mean = loop.walk(lambda n, t: gaussian.expected_kl_forward(n, t, dim=dim, estimator=estimator))
    return Answer(
        mean,
        None,
        (),
        "exact",
        "G-KLF (derived)",
        "sum_i (d/n_i - m_i)/2 (unbiased), -sum_i m_i/2 (mle); m_i the drift of the log determinant",
    )


@law("Gaussian", "kl_reverse", full_rank_replace, "expected KL(p_0 || p_t) in nats")
def _kl_reverse(loop: Loop) -> Answer:
    estimator, dim = loop.model.estimator, loop.dim or 1
    mean = loop.walk(lambda n, t: gaussian.expected_kl_reverse(n, t, dim=dim, estimator=estimator))
    return Answer(
        mean,
        None,
        (),
        "exact",
        "G-KLR (derived)",
        "[sum_i m_i + d (prod_i q_i - 1) + d sum_i (1/n_i) prod_{j>=i} q_j]/2, q_i = div_i/(nu_i - d - 1)",
    )
