"""What `predict` knows of linear regression: coefficients and excess risk of least squares."""

from __future__ import annotations

import numpy as np

from modelcollapse.theory import regression
from modelcollapse.theory.predict.loop import Answer, Loop, law

SOURCE = (
    "reg-replace-linear, reg-accumulate-freshX-exact, reg-fresh-data-loop, reg-same-as-mean-estimation (derived; "
    "Gerstgrasser et al. 2024, arXiv 2404.01413; Dohmatob et al. 2024, arXiv 2402.07712)"
)


def _risk(loop: Loop) -> np.ndarray:
    model = loop.model
    return regression.regression_risk(
        loop.regime, loop.plan.generations, dim=model.dim, noise_variance=model.noise**2, design=model.design
    )


def _least_squares(loop: Loop) -> str:
    """Least squares on rows of the model, and a regime that is known."""
    if loop.rows is not None:
        return "the law of a fit to given rows is not known; let the model be the truth"
    if loop.model.penalty > 0:
        return "with a penalty only limits are known (theory.ridge_risk, theory.strong_collapse_ridge)"
    try:
        _risk(loop)
    except ValueError as reason:
        return str(reason).rstrip(".")
    return ""


def _smallest_norm(loop: Loop) -> bool:
    """Whether some fit has fewer rows than dimensions, in a loop that is known all the same."""
    model, size = loop.model, loop.plan.size
    near = np.abs(size - model.dim) < 2
    return bool(
        loop.rows is None
        and model.penalty == 0
        and np.ndim(model.cov) == 0
        and loop.replace
        and not getattr(loop.plan, "curation", ())
        and size.min() < model.dim
        and not (model.noise > 0 and near.any())
        and (model.design == "fresh" or (size == size[0]).all())
    )


def _risk_known(loop: Loop) -> str:
    return "" if _smallest_norm(loop) else _least_squares(loop)


@law("LinearRegression", "coef", _least_squares, "expected coefficients and their sd")
def _coef(loop: Loop) -> Answer:
    model, R = loop.model, _risk(loop)
    variance = np.full(model.dim, 1 / model.cov) if np.ndim(model.cov) == 0 else np.diag(np.linalg.inv(model.cov))
    return Answer(
        np.tile(np.asarray(model.coef), (len(R), 1)),
        np.sqrt(np.multiply.outer(R / model.dim, variance)),
        ("covariate",),
        "exact",
        SOURCE,
        "mean = coef_0, covariance = R_t/d cov^-1 with the excess risk R_t",
        {"design": model.design, "penalty": model.penalty},
    )


@law("LinearRegression", "excess_risk", _risk_known, "expected test error beyond the noise; its sd where it is known")
def _excess_risk(loop: Loop) -> Answer:
    model, size, sd = loop.model, loop.plan.size, None
    t, noise = np.arange(loop.plan.generations + 1), model.noise**2
    more = {"design": model.design, "penalty": model.penalty}
    if _smallest_norm(loop):
        n = int(size[0]) if (size == size[0]).all() else size
        signal = model.cov * float(model.coef @ model.coef)
        mean = regression.minimum_norm_risk(
            n, t, dim=model.dim, signal=signal, noise_variance=noise, design=model.design
        )
        source = "reg-overparam-exponential (derived; Dohmatob et al. 2024, arXiv 2402.07712)"
        return Answer(mean, None, (), "exact", source, "norm^2 (1 - eta^t) + the noise of the fits, eta = n/d", more)
    mean = _risk(loop)
    if model.design == "same":
        relative = regression._relative_sd(int(size[0]), model.dim)
        sd = mean * relative if np.isfinite(relative) else None
    elif loop.replace:
        sd = regression.regression_risk_sd(size, t, dim=model.dim, noise_variance=noise)
    if sd is not None and not np.isfinite(sd).all():
        sd = None
    formula = "R_t = a R_{t-1} + s^2 d/(n - d - 1) where rows are replaced, + s^2 d n_t/(N_t (N_t - d - 1)) where added"
    if model.design == "same":
        formula = "s^2 d/(n - d - 1) times the error of a mean of batches of one point (theory.mean_risk)"
    return Answer(mean, sd, (), "exact", SOURCE, formula, more)
