r"""What `predict` knows of curated loops. It is little, because a curation makes a law of its own; but some are exact.

*Temperature and sampling bias.* Under Replace they multiply the variance of every sample after the first by one number
b. Increments are independent all the same, so everything known of the walk of the variance holds with another drift:
generation t has had :math:`s = t - 1` such samples, and

.. math:: \ln\sigma_t^2 \to \ln\sigma_t^2 + s\ln b, \qquad
          E(\mu_t-\mu_0)^2 = \sum_{i \le t} \frac{b^{[i > 1]}\,E\sigma_{i-1}^2}{n_i} .

*Edit.* Under Replace(n), with exactly k of n points new. Let D be half the expected squared difference of two different
points of a batch. Two that stay have D, and any pair with a new point has :math:`(1 - 1/n)D`, the variance of the model
that makes it: so each generation multiplies D, the expected variance and the expected heterozygosity by

.. math:: c = 1 - \frac{k(2n-k-1)}{n^2(n-1)} = 1 - \frac\alpha n - \frac{\alpha(1-\alpha)}{n-1}, \qquad
          \alpha = \frac kn .

A new point has the mean square of the batch it is made from, if the model keeps its first two moments. So
:math:`1 - F_t = (1 - F_1)c^{t-1}` gives both moments, as in `modelcollapse.theory.inbreeding`.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from modelcollapse import curation as cure
from modelcollapse.theory.inbreeding import inbreeding, written_out
from modelcollapse.theory.predict import gaussian, others  # noqa: F401 (the laws of plain loops are in the table)
from modelcollapse.theory.predict.loop import LAWS, Answer, Loop, always, outer, replace, scalar_replace

#: by how much a curation multiplies the variance of what a Gaussian makes, or the mean of an Exponential
FACTORS = {cure.Temperature: lambda one: one.temperature, cure.SamplingBias: lambda one: one.bias}
#: (family kind, quantity) -> how often s ln b is added to it (of a log determinant: once a dimension)
SHIFTED = {("Gaussian", "log_variance"): 1, ("Gaussian", "log_det"): 1, ("Exponential", "log_rate"): -1}
#: (family kind, quantity) -> which power of b^s it is multiplied by
SCALED = {
    ("Gaussian", "variance"): 1.0,
    ("Gaussian", "cov"): 1.0,
    ("Gaussian", "sd"): 0.5,
    ("Exponential", "mean"): 1.0,
}
SCALE_SOURCE = "MAR, mad-fully-synthetic-moments (Alemohammad et al. 2024, arXiv 2307.01850; derived)"
EDIT_SOURCE = "F-ALPHA (derived; leading order Riis 2026, arXiv 2604.08554)"


@dataclass(frozen=True)
class _Plain:
    """A regime without its curation."""

    regime: object

    @property
    def kind(self) -> str:
        return getattr(self.regime, "kind", "")

    def plan(self, generations: int):
        return self.regime.plan(generations)


def _plain(loop: Loop) -> Loop:
    regime = _Plain(loop.regime)
    return Loop(loop.model, regime, regime.plan(loop.plan.generations), loop.rows)


# ------------------------------------------------------------------------------------- temperature, sampling bias


def _log_factor(loop: Loop) -> float:
    return sum(math.log(FACTORS[type(one)](one)) for one in loop.plan.curation)


def _moved(key: tuple[str, str]):
    """Return the law of a quantity whose scale is multiplied by b for every sample but the first."""

    def law(loop: Loop) -> Answer:
        plain = LAWS[key][1](_plain(loop))
        rounds = np.maximum(np.arange(loop.plan.generations + 1) - 1, 0)
        shift = (_log_factor(loop) * rounds).reshape((-1,) + (1,) * (plain.mean.ndim - 1))
        mean, sd, formula = plain.mean, plain.sd, plain.formula
        if key in SCALED:
            with np.errstate(over="ignore", invalid="ignore"):
                factor = np.exp(SCALED[key] * shift)
                # nothing left stays nothing, however large the factor
                mean, sd = (None if x is None else np.where(x == 0, 0.0, x * factor) for x in (mean, sd))
            formula += "; times b^s" if SCALED[key] == 1 else "; times b^(s/2)"
        else:
            many = SHIFTED[key] * (loop.dim if key[1] == "log_det" else 1)
            mean = mean + many * shift
            sign, times = "plus" if many > 0 else "minus", "" if abs(many) == 1 else f"{abs(many)} "
            formula += f"; {sign} {times}s ln b"
        what = "mean" if key[0] == "Exponential" else "variance"
        formula += f", s = t - 1 samples drawn with b times the {what}"
        return dataclasses.replace(plain, mean=mean, sd=sd, source=f"{plain.source}; {SCALE_SOURCE}", formula=formula)

    return law


def _error(loop: Loop) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sd of the squared error of the mean, in units of the variance of generation 0 (one dimension).

    With M the error and v the variance of a fit to n points, drawn with the variance bv of the model before:
    E M^4' = E M^4 + 6 b E[M^2 v]/n + 3 b^2 E v^2/n^2, and so on down to E v.
    """
    unbiased, factor = loop.model.estimator == "unbiased", math.exp(_log_factor(loop))
    square = fourth = both = 0.0
    first = second = 1.0
    mean, sd = [0.0], [0.0]
    with np.errstate(over="ignore", invalid="ignore"):
        for i, n in enumerate(loop.steps.astype(float)):
            b = np.float64(factor if i or loop.frozen else 1.0)
            div = n - 1 if unbiased else n
            gain, gain2 = (n - 1) / div, (n - 1) * (n + 1) / div**2
            fourth = fourth + 6 * b * both / n + 3 * b**2 * second / n**2
            square = square + b * first / n
            both = b * gain * (both + b * second / n)
            first, second = b * gain * first, b**2 * gain2 * second
            mean.append(float(square))
            sd.append(float(np.sqrt(fourth - square**2)))
    mean, sd = loop.waited(np.array(mean)), loop.waited(np.array(sd))
    return mean, np.where(np.isfinite(sd), sd, np.inf)


ERROR = "sum_i b_i E[variance_{i-1}]/n_i, b_1 = 1 and then b"


def _mean(loop: Loop) -> Answer:
    start = np.asarray(loop.model.mean, dtype=float)
    sd = np.sqrt(outer(_error(loop)[0], loop.variances))
    dims = () if loop.dim is None else ("dim",)
    return Answer(outer(np.ones(len(sd)), start), sd, dims, "exact", SCALE_SOURCE, f"mean = mean_0, sd^2 = {ERROR}")


def _mean_squared_error(loop: Loop) -> Answer:
    total = float(loop.variances.sum())
    mean, sd = _error(loop)
    known = None if scalar_replace(loop) else sd * total
    return Answer(mean * total, known, (), "exact", SCALE_SOURCE, f"mean = {ERROR}")


def _replacing(condition):
    """Return a condition, and that models replace each other."""
    return lambda loop: condition(loop) or replace(loop)


SPREAD = {key: (_replacing(LAWS[key][0]), _moved(key), LAWS[key][2]) for key in (SHIFTED | SCALED)}
SPREAD |= {
    key: (replace, law, LAWS[key][2])
    for key, law in ((("Gaussian", "mean"), _mean), (("Gaussian", "mean_squared_error"), _mean_squared_error))
}


# ------------------------------------------------------------------------------------------------- edit


def _new(loop: Loop) -> int:
    """Points of a batch that are new: what `Edit` makes of its fraction."""
    n = int(loop.plan.size[0])
    return n - min(n - round(loop.plan.curation[0].fraction * n), n)


def _log_retained(loop: Loop) -> np.ndarray:
    """Return ln(1 - F_t), t = 0 .. T."""
    n, k, T = int(loop.plan.size[0]), _new(loop), loop.plan.generations
    step = math.log1p(-k * (2 * n - k - 1) / (n * n * (n - 1))) if n > 1 else 0.0
    with np.errstate(divide="ignore"):  # one point has no variance
        first = np.log1p(-inbreeding(_Plain(loop.regime), 1, population=loop.population)[1])
    return np.concatenate([[0.0], first + step * np.arange(T)])


def _retained(loop: Loop) -> np.ndarray:
    return np.exp(_log_retained(loop))


def _inbreeding(loop: Loop) -> np.ndarray:
    return 0.0 - np.expm1(_log_retained(loop))


EDIT = "1 - F_t = (1 - F_1) (1 - a/n - a(1 - a)/(n - 1))^(t-1), a n points new"


def _heterozygosity(loop: Loop) -> Answer:
    p = np.asarray(loop.model.probabilities)
    mean = float((p * (1 - p)).sum()) * _retained(loop)
    return Answer(mean, None, (), "exact", EDIT_SOURCE, f"mean = (1 - F_t) H_0, {EDIT}")


def _probability(loop: Loop) -> Answer:
    p, F = np.asarray(loop.model.probabilities), _inbreeding(loop)
    sd = np.sqrt(outer(F, p * (1 - p)))
    formula = f"mean = p_0, sd^2 = F_t p_0 (1 - p_0), {EDIT}"
    return Answer(outer(np.ones(len(F)), p), sd, ("category",), "exact", EDIT_SOURCE, formula)


def _second_moment(loop: Loop) -> np.ndarray:
    """Return an upper bound on E v_t^2, t = 0 .. T, v_t the fitted variance in units of the true one.

    The mean square m of a batch about the true mean is at least v. Given a batch, that of the next has mean m; what
    stays adds the variance of a sum drawn without replacement, each new point at most 2 m^2, and its own fourth power
    has a mean of at most 3 m^2.
    """
    n, k = float(loop.plan.size[0]), float(_new(loop))
    square, fourth = 1 + 2 / n, 3.0
    out = [1.0]
    for _ in range(loop.plan.generations):
        out.append(square)
        stays = (n - k) * k / (n - 1) * (fourth - square)
        square, fourth = square + (stays + 2 * k * square) / n**2, ((n - k) * fourth + 3 * k * square) / n
    return np.array(out)


def _edited_variance(loop: Loop) -> Answer:
    share, sd, more = _retained(loop), None, {}
    if loop.rows is None:
        sd, more = outer(np.sqrt(np.maximum(_second_moment(loop) - share**2, 0)), loop.variances), {"sd_kind": "bound"}
    dims = () if loop.dim is None else ("dim",)
    formula = f"mean = (1 - F_t) variance_0, {EDIT}"
    return Answer(outer(share, loop.variances), sd, dims, "exact", EDIT_SOURCE, formula, more)


def _edited_mean(loop: Loop) -> Answer:
    F, start = _inbreeding(loop), np.asarray(loop.model.mean, dtype=float)
    dims = () if loop.dim is None else ("dim",)
    sd = np.sqrt(outer(F, loop.variances))
    formula = f"mean = mean_0, sd^2 = F_t variance_0, {EDIT}"
    return Answer(outer(np.ones(len(F)), start), sd, dims, "exact", EDIT_SOURCE, formula)


def _edited_error(loop: Loop) -> Answer:
    total = float(loop.variances.sum())
    return Answer(_inbreeding(loop) * total, None, (), "exact", EDIT_SOURCE, f"mean = F_t tr(cov_0), {EDIT}")


EDITED = {
    key: (always, law, line)
    for key, law, line in (
        (("Categorical", "heterozygosity"), _heterozygosity, "expected heterozygosity 1 - sum_i p_i^2"),
        (("Categorical", "probability"), _probability, "expected probability of each category and its sd"),
        (("Gaussian", "variance"), _edited_variance, "expected variance and a bound on its sd"),
        (("Gaussian", "mean"), _edited_mean, LAWS["Gaussian", "mean"][2]),
        (("Gaussian", "mean_squared_error"), _edited_error, LAWS["Gaussian", "mean_squared_error"][2]),
    )
}


# ------------------------------------------------------------------------------------------------- which of them


def _edits(loop: Loop) -> bool:
    """Whether a part of every batch is replaced, and the family keeps its first two moments."""
    of_one_size = len(set(loop.plan.size.tolist())) == 1
    moments = getattr(loop.model, "estimator", "mle") == "mle"
    return [type(one) for one in loop.plan.curation] == [cure.Edit] and of_one_size and moments


def table(loop: Loop) -> dict:
    """Return what is known of a curated loop, in the form of `LAWS`; refuse the loop if that is nothing."""
    kind, found = loop.model.kind, {}
    spreads = {cure.Temperature} if kind == "Exponential" else set(FACTORS)
    if loop.replace and loop.plan.real_weight is None:
        if {type(one) for one in loop.plan.curation} <= spreads:
            found = {key: entry for key, entry in SPREAD.items() if key[0] == kind}
        elif _edits(loop):
            found = {key: entry for key, entry in EDITED.items() if key[0] == kind}
    if not found:
        written_out(loop.regime, loop.plan.generations)  # says what a regime must be like
    return found
