r"""What becomes of a model whose users choose? Curation by preference among K candidates.

K candidates are drawn from the model :math:`p_t`, and a curator picks one with probability proportional to
:math:`e^{r}` (Luce's choice rule; Bradley and Terry's for K = 2). What is picked has the law :math:`p_t H^K` with

.. math:: H^K(x) = E\Big[\frac{K e^{r(x)}}{e^{r(x)} + e^{r(X_1)} + \dots + e^{r(X_{K-1})}}\Big],
          \qquad X_i \sim p_t \text{ independent},

and refitting without error, with a share w of real data, is the map

.. math:: p_{t+1} = w\,p_{\rm ref} + (1-w)\,p_t H^K.

Nobody has seen the reward, yet the loop maximises it: without real data all mass goes to the points of highest reward,
and what was good but not best is lost. Real data keep the rest alive.

**How the expectation is computed.** The sum over what the other candidates may be has exponentially many terms. With
:math:`\frac1A = \int_0^\infty e^{-uA} du` it is one integral for every K,

.. math:: H^K(x) = K e^{r(x)}\int_0^\infty e^{-u e^{r(x)}}\,\big(E e^{-u e^{r(X)}}\big)^{K-1} du,

and with :math:`u = e^s` the trapezoidal rule does it: every term is a shifted copy of one function, whose Fourier
transform is a gamma function, so that the relative error is the same for all of them, :math:`2\lvert\Gamma(1 + 2\pi
i/h)\rvert`, or 1e-16 at the step h = 1/4.

Here laws are vectors on a finite alphabet and rewards are numbers per category. Only differences of rewards matter; a
reward at inverse temperature :math:`\tau` is :math:`\tau r`. The papers write :math:`\lambda = (1-w)/w` for synthetic
per real points. Generation 0 is the reference.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.immigration import _array, _times

__all__ = [
    "curated_divergence_bound",
    "curated_law",
    "curated_loop",
    "curated_odds_bound",
    "curated_reward_bound",
    "curated_weight",
    "curation_contraction",
    "curation_equilibrium",
    "invasion_factor",
    "preference_limit",
    "retrained_reward_bound",
    "tilted_gaussian",
    "tilted_law",
    "two_type_share",
]

#: step of the trapezoidal rule in log u; its error is e^(-pi^2 / step)
STEP = 0.25
#: nodes per block: an alphabet of thousands must not fill the memory
BLOCK = 1 << 20


def _alphabet(probabilities, reward, name="probabilities"):
    p = check.probabilities(name, probabilities)
    r = check.array("reward", reward, ndim=1, shape_words="(category,)")
    if r.shape != p.shape:
        raise ValueError(f"reward must have one number per category, {p.shape}, got shape {r.shape}.")
    return p, r


def _candidates(candidates) -> float:
    if isinstance(candidates, float) and candidates == math.inf:
        return math.inf
    return check.integer("candidates", candidates, least=1, because="a curator picks one; inf is a limit")


def _log_mean(p, r) -> float:
    """Return log E exp(r)."""
    top = r[p > 0].max()
    return float(top + math.log(p @ np.exp(np.minimum(r - top, 0.0))))


# ------------------------------------------------------------------------------------------------- the map


def curated_weight(probabilities, reward, candidates) -> np.ndarray:
    r"""Return :math:`H^K(x)`, how much commoner a category is among what is picked than among what is drawn.

    Parameters
    ----------
    probabilities : array_like, (category,)
        :math:`p_t`.
    reward : array_like, (category,)
        r, any finite numbers.
    candidates : int or inf
        K >= 1; for inf the limit :math:`e^r / E e^r`.

    Returns
    -------
    ndarray, (category,)
        In [0, K], with mean one under p; also for categories of probability zero.

    Notes
    -----
    Kind: exact (relative error below 1e-12; see the head of the module). Cost: category x range of the reward, whatever
    K is. Source: `ferbach-curation` (Ferbach et al., arXiv 2407.09499; Wei et al., Eq. 1-3; integral derived).

    Examples
    --------
    >>> import math
    >>> curated_weight([0.5, 0.5], [0.0, math.log(3)], 2).round(12).tolist()
    [0.75, 1.25]
    """
    (p, r), K = _alphabet(probabilities, reward), _candidates(candidates)
    if math.isinf(K):
        with np.errstate(over="ignore"):  # only where nothing is drawn
            return np.exp(r - _log_mean(p, r))
    if K == 1:
        return np.ones_like(p)
    drawn = p > 0
    r = r - r[drawn].max()
    p, a = p[drawn], r[drawn]  # what the other candidates can be
    # u from 1e-16 / (largest total weight) to 40 / (smallest)
    total = np.logaddexp(r, math.log(K - 1) + np.array([a.max(), a.min()])[:, None])
    low, high = -total[0].max() - 38.0, math.log(40.0) - total[1].min()
    s = low + STEP * np.arange(math.ceil((high - low) / STEP) + 1)
    H = np.zeros_like(r)
    for part in np.array_split(s, max(1, math.ceil(s.size * max(r.size, 1) / BLOCK))):
        x = np.exp(np.minimum(part[:, None] + a, 700.0))
        q = -np.expm1(-x) @ p  # 1 - E exp(-u e^r), with all its digits where it is small
        small = q < 0.5
        with np.errstate(divide="ignore"):  # log 0: such u do not count
            log_laplace = np.where(small, np.log1p(-np.minimum(q, 0.5)), np.log(np.exp(-x) @ p))
        log_term = part[:, None] + r - np.exp(np.minimum(part[:, None] + r, 700.0))
        H += np.exp(log_term + (K - 1) * log_laplace[:, None]).sum(axis=0)
    return K * STEP * H


def curated_law(probabilities, reward, candidates) -> np.ndarray:
    r"""Return :math:`p_t H^K`, the law of what curators pick out of K candidates; arguments as in `curated_weight`.

    Kind: exact. For two types and K = 2 it is `two_type_share`. Source: `ferbach-curation`.

    Examples
    --------
    >>> import math
    >>> curated_law([0.5, 0.5], [0.0, math.log(3)], 2).round(12).tolist()
    [0.375, 0.625]
    """
    H = curated_weight(probabilities, reward, candidates)
    p = check.probabilities("probabilities", probabilities)
    out = p * np.where(p > 0, H, 0.0)  # what is never drawn may weigh infinitely much
    return out / out.sum()


def curated_loop(probabilities, reward, generations: int, *, candidates=2, real_fraction: float = 0.0) -> np.ndarray:
    r"""Return :math:`p_0 \dots p_T` of the loop :math:`p_{t+1} = w\,p_0 + (1-w)\,p_t H^K`.

    Parameters
    ----------
    probabilities : array_like, (category,)
        :math:`p_0 = p_{\rm ref}`, the real data.
    reward : array_like, (category,)
        r.
    generations : int
        T >= 0.
    candidates : int or inf
        K.
    real_fraction : float
        w in [0, 1]; real data are not curated.

    Returns
    -------
    ndarray, (generations + 1, category)

    Notes
    -----
    Kind: exact for infinitely many points. Source: `ferbach-curation`.

    Examples
    --------
    >>> curated_loop([0.5, 0.5], [0.0, 1.0], 2, candidates=2).round(4).tolist()
    [[0.5, 0.5], [0.3845, 0.6155], [0.2751, 0.7249]]
    """
    p, r = _alphabet(probabilities, reward)
    w = check.probability("real_fraction", real_fraction)
    out = np.empty((check.integer("generations", generations, least=0) + 1, p.size))
    out[0] = p
    for t in range(len(out) - 1):
        out[t + 1] = w * p + (1 - w) * curated_law(out[t], r, candidates)
    return out


def tilted_law(probabilities, reward, t: float) -> np.ndarray:
    r"""Return :math:`p_t \propto p_0 e^{tr}`, the pure loop for K = inf after t rounds.

    Parameters
    ----------
    probabilities, reward : array_like, (category,)
        :math:`p_0` and r.
    t : float
        Rounds >= 0.

    Notes
    -----
    Kind: exact. Source: `ferbach-curation` (Lemma 2.1).

    Examples
    --------
    >>> import math
    >>> tilted_law([0.5, 0.5], [0.0, math.log(3)], 2).round(12).tolist()
    [0.1, 0.9]
    """
    p, r = _alphabet(probabilities, reward)
    t = check.number("t", t, least=0)
    tilted = p * np.exp(t * np.minimum(r - r[p > 0].max(), 0.0))
    return tilted / tilted.sum()


def preference_limit(probabilities, reward) -> np.ndarray:
    r"""Return :math:`p^*`, the law :math:`p_0` conditioned on the highest reward: where the pure loop ends.

    For any K >= 2, with

    .. math:: KL(p^* \| p_t) = -\ln p_t(r = r^*) \to 0

    Arguments as in `tilted_law`; :math:`r^*` is the highest reward that :math:`p_0` can draw.

    Notes
    -----
    Kind: exact. Source: `ferbach-curation` (Theorem 2.1; the form of the divergence derived: categories of equal reward
    keep their proportions).

    Examples
    --------
    >>> preference_limit([0.2, 0.3, 0.5], [1.0, 1.0, 0.0]).round(12).tolist()
    [0.4, 0.6, 0.0]
    """
    p, r = _alphabet(probabilities, reward)
    best = np.where(r == r[p > 0].max(), p, 0.0)
    return best / best.sum()


def invasion_factor(gap, candidates=2):
    r"""Return :math:`\frac{K}{1 + (K-1)e^{-\Delta}}`, by which a rare category grows per round of the pure loop.

    Parameters
    ----------
    gap : float or array_like
        :math:`\Delta`, its reward minus that of all others; negative if it is worse.
    candidates : int or inf
        K.

    Notes
    -----
    Kind: exact in the limit of rarity. For K = 2 it is 2s with :math:`s = 1/(1+e^{-\Delta})`; for K = inf
    :math:`e^\Delta`; never above K. With :math:`-\Delta` it is the rate at which the runner-up of a decided contest
    dies out, geometrically. Source: `ferbach-curation` (K = 2; otherwise derived).

    Examples
    --------
    >>> import math
    >>> invasion_factor(math.log(3) * np.array([1.0, -1.0])).round(12).tolist()
    [1.5, 0.5]
    """
    gap, K = _array("gap", gap), _candidates(candidates)
    if math.isinf(K):
        with np.errstate(over="ignore"):  # beyond e^709 it is inf
            return np.exp(gap)[()]
    return (K * np.exp(-np.logaddexp(0.0, math.log(K - 1) - gap) if K > 1 else np.zeros_like(gap)))[()]


def two_type_share(share: float, gap: float, generations: int) -> np.ndarray:
    r"""Return the share of the better of two types, chosen in pairs: :math:`q' = q^2 + 2q(1-q)s`, logistic growth.

    .. math:: q' - q = q(1-q)\tanh\frac{\Delta}2, \qquad s = \frac1{1+e^{-\Delta}}

    Parameters
    ----------
    share : float
        :math:`q_0` in [0, 1].
    gap : float
        :math:`\Delta`, the difference of the two rewards.
    generations : int
        T >= 0.

    Returns
    -------
    ndarray, (generations + 1,)

    Notes
    -----
    Kind: exact, K = 2 and no real data. Source: `ferbach-curation`.

    Examples
    --------
    >>> import math
    >>> two_type_share(0.5, math.log(3), 2).round(12).tolist(), two_type_share(0.5, 0.0, 1).tolist()
    ([0.5, 0.625, 0.7421875], [0.5, 0.5])
    """
    out = np.empty(check.integer("generations", generations, least=0) + 1)
    out[0] = check.probability("share", share)
    push = math.tanh(check.number("gap", gap) / 2)
    for t in range(len(out) - 1):
        out[t + 1] = out[t] * (1 + push * (1 - out[t]))
    return out


def tilted_gaussian(
    t, *, mean: float = 0.0, variance: float = 1.0, slope: float = 0.0, target: float = 0.0, width: float = math.inf
):
    r"""Return mean and variance after t rounds of K = inf curation of a Gaussian with a linear and quadratic reward.

    For :math:`r(x) = bx - \frac{(x-a)^2}{2s^2}` the law stays Gaussian:

    .. math:: \frac1{v_t} = \frac1{v_0} + \frac t{s^2}, \qquad
              m_t = v_t\Big(\frac{m_0}{v_0} + tb + \frac{ta}{s^2}\Big)

    Parameters
    ----------
    t : float or array_like
        Rounds >= 0.
    mean, variance : float
        :math:`m_0` and :math:`v_0 > 0`.
    slope : float
        b; alone it moves the mean by :math:`bv_0` per round and leaves the variance.
    target, width : float
        a and s > 0; the default width is a linear reward.

    Returns
    -------
    mean, variance : ndarray or float

    Notes
    -----
    Kind: exact. Source: `ferbach-curation` (Lemma 2.1 on the line; derived).

    Examples
    --------
    >>> [float(x) for x in tilted_gaussian(3, slope=0.5)]
    [1.5, 1.0]
    >>> [float(x) for x in tilted_gaussian(3, target=2.0, width=1.0)]
    [1.5, 0.25]
    """
    t = _array("t", t, least=0)
    mean, variance = check.number("mean", mean), check.number("variance", variance, above=0)
    slope, target = check.number("slope", slope), check.number("target", target)
    pull = 0.0 if width == math.inf else check.number("width", width, above=0) ** -2
    v = variance / (1 + t * variance * pull)
    return (mean + v * t * (slope + pull * (target - mean)))[()], v[()]


# ------------------------------------------------------------------------------------------------- bounds


def _reward_gain(p, r, K) -> tuple[float, float]:
    """Return E e^r and (K-1)/K Var(e^r) / max e^r, in units of exp(max r); what cannot be drawn has no say."""
    p, r = p[p > 0], r[p > 0]
    a = np.exp(r - r.max())
    mean = float(p @ a)
    return mean, (1 - 1 / K) * float(p @ (a - mean) ** 2)


def _unit(p, r) -> float:
    return math.exp(
        check.number("reward", float(r[p > 0].max()), most=700, because="e^r must be finite; subtract a constant")
    )


def curated_reward_bound(probabilities, reward, candidates) -> float:
    r"""Return a lower bound of :math:`E_{p_{t+1}} e^r` after one round of the pure loop.

    .. math:: E_t e^r + \frac{K-1}K\,\frac{\mathrm{Var}_t(e^r)}{e^{r^*}}

    Arguments as in `curated_weight`; :math:`r^*` is the highest reward that can be drawn.

    Notes
    -----
    Kind: bound. So the expected reward never falls, and stands still only where it cannot rise. Source:
    `ferbach-curation` (Lemma 2.2).

    Examples
    --------
    >>> import math
    >>> round(curated_reward_bound([0.5, 0.5], [0.0, math.log(3)], 2), 12)      # the exact value is 2.25
    2.166666666667
    """
    p, r = _alphabet(probabilities, reward)
    return _unit(p, r) * sum(_reward_gain(p, r, _candidates(candidates)))


def retrained_reward_bound(probabilities, reward, candidates, real_fraction: float) -> float:
    r"""Return a lower bound of :math:`E_{p_t} e^r`, all :math:`t \ge 1`, for the loop with real data.

    .. math:: E_{\rm ref} e^r + \frac\lambda{(1+\lambda)^3}\,\frac{K-1}K\,\frac{\mathrm{Var}_{\rm ref}(e^r)}{e^{r^*}},
              \qquad \frac\lambda{(1+\lambda)^3} = w^2(1-w)

    Parameters
    ----------
    probabilities : array_like, (category,)
        :math:`p_{\rm ref}`, the start and the real data.
    reward, candidates
        As in `curated_weight`.
    real_fraction : float
        w in [0, 1].

    Notes
    -----
    Kind: bound, for the loop that starts at the reference. Source: `ferbach-curation` (Theorem 2.3).

    Examples
    --------
    >>> import math
    >>> round(retrained_reward_bound([0.5, 0.5], [0.0, math.log(3)], 2, 0.5), 6)
    2.020833
    """
    p, r = _alphabet(probabilities, reward)
    w = check.probability("real_fraction", real_fraction)
    mean, gain = _reward_gain(p, r, _candidates(candidates))
    return _unit(p, r) * (mean + w**2 * (1 - w) * gain)


def curated_divergence_bound(candidates, real_fraction, t=np.inf):
    r"""Return an upper bound of :math:`KL(p_t\|p_{\rm ref})` for the loop with real data, whatever the reward.

    .. math:: -\ln\big(1 - \lambda(K-1)\big) \quad\text{if } \lambda < \frac1{K-1}, \qquad
              \text{after t rounds: } \ln\Big[c^t + w\,\frac{1-c^t}{1-c}\Big], \quad c = (1-w)K

    because :math:`H^K \le K`, so that :math:`\sup p_t/p_{\rm ref}` is at most the argument of the logarithm.

    Parameters
    ----------
    candidates : int
        K >= 1.
    real_fraction : float or array_like
        w in [0, 1]; the condition on lambda is :math:`w > (K-1)/K`: for pairs, more than half real.
    t : float or array_like
        Rounds >= 0; inf (default) is the bound for all rounds together.

    Returns
    -------
    ndarray or float
        Infinite where the condition fails and t is inf.

    Notes
    -----
    Kind: bound. Source: `ferbach-curation` (Theorem 2.4; finite t derived).

    Examples
    --------
    >>> round(float(curated_divergence_bound(2, 0.75)), 6)            # -ln(1 - 1/3)
    0.405465
    >>> round(float(curated_divergence_bound(2, 0.25, 3)), 6)
    1.517871
    """
    K = check.integer("candidates", candidates, least=1)
    w, t = _array("real_fraction", real_fraction, least=0, most=1), _times(t)
    excess = K - 1 - w * K  # c - 1
    even, finite = excess == 0, np.where(np.isinf(t), 1.0, t)
    growth = np.expm1(np.minimum(scipy.special.xlog1py(finite, excess), 700.0))  # c^t - 1
    bound = 1 + growth + w * np.where(even, finite, growth / np.where(even, 1.0, excess))
    forever = np.where(excess < 0, w / np.where(excess < 0, -excess, 1.0), 1.0 if K == 1 else np.inf)
    bound = np.where(np.isinf(t), forever, bound)
    return np.log(bound)[()]


def curated_odds_bound(gap, candidates, *, temperature=1.0):
    r"""Return a bound on :math:`H^K(x_j)/H^K(x_i)`, by which the odds of a worse category shrink per round.

    .. math:: 1 - \big(1 - e^{-\tau\Delta}\big)\frac{K-1}{e^{2\tau} + K - 1}, \qquad
              \lvert r\rvert \le 1, \quad r(x_i) - r(x_j) = \Delta > 0

    Parameters
    ----------
    gap : float or array_like
        :math:`\Delta` in [0, 2].
    candidates : int or inf
        K.
    temperature : float or array_like
        :math:`\tau > 0`, the *inverse* temperature of the choice, as in the paper.

    Notes
    -----
    Kind: bound. Source: `ferbach-curation` (Wei et al., Prop. 3.1).

    Examples
    --------
    >>> round(float(curated_odds_bound(1.0, 2)), 6), round(float(curated_odds_bound(1.0, float("inf"))), 6)
    (0.924649, 0.367879)
    """
    gap, tau = _array("gap", gap, least=0, most=2), _array("temperature", temperature, above=0)
    K = _candidates(candidates)
    others = math.log(K - 1) if K > 1 else -math.inf
    with np.errstate(over="ignore"):
        share = 1.0 if math.isinf(K) else scipy.special.expit(others - 2 * tau)
        return 1 + np.expm1(-tau * gap) * share


# ------------------------------------------------------------------------------------------------- equilibrium


def curation_contraction(real_fraction, temperature=1.0):
    r"""Return :math:`\eta\cdot 2e^{2\tau}(2 + e^{2\tau})`, below one if the loop with real data contracts.

    Parameters
    ----------
    real_fraction : float or array_like
        :math:`w = 1 - \eta` in [0, 1].
    temperature : float or array_like
        :math:`\tau > 0`, the inverse temperature; rewards in [-1, 1].

    Returns
    -------
    ndarray or float
        0 without synthetic data; inf where it is beyond the largest float.

    Notes
    -----
    Kind: bound (sufficient; it asks for more than 83 % real data at any temperature). Source:
    `curation-equilibrium-closed-form` (Wei et al., Lemmas 3.6-3.7).

    Examples
    --------
    >>> round(float(curation_contraction(0.99, 1.0)), 4)
    1.3875
    """
    tau, w = _array("temperature", temperature, above=0), _array("real_fraction", real_fraction, least=0, most=1)
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(2 * tau)
        return np.where(w == 1, 0.0, (1 - w) * 2 * e * (2 + e))[()]


def curation_equilibrium(probabilities, reward, real_fraction: float) -> tuple[np.ndarray, float]:
    r"""Return where the loop with real data ends, for K = inf, and the normaliser Z.

    .. math:: p_\infty(x) = \frac{w\,p_{\rm ref}(x)\,Z}{Z - (1-w)e^{r(x)}}, \qquad
              \sum_x\frac{w\,p_{\rm ref}(x)\,e^{r(x)}}{Z - (1-w)e^{r(x)}} = 1, \quad Z > (1-w)\max e^r

    Parameters
    ----------
    probabilities : array_like, (category,)
        :math:`p_{\rm ref}`.
    reward : array_like, (category,)
        r, the inverse temperature included.
    real_fraction : float
        w in (0, 1]; without real data see `preference_limit`.

    Returns
    -------
    law : ndarray, (category,)
    Z : float
        :math:`E_{p_\infty} e^r`.

    Notes
    -----
    Kind: exact; the root is unique. Source: `curation-equilibrium-closed-form` (Wei et al., Prop. 3.8).

    Examples
    --------
    >>> import math
    >>> law, Z = curation_equilibrium([0.5, 0.5], [0.0, math.log(3)], 0.5)
    >>> law.round(6).tolist(), round(Z, 6)
    ([0.316987, 0.683013], 2.366025)
    """
    p, r = _alphabet(probabilities, reward)
    w = check.number("real_fraction", real_fraction, above=0, most=1, because="without real data see preference_limit")
    unit = _unit(p, r)
    drawn = p > 0
    gap = r[drawn] - r[drawn].max()
    a, below = np.exp(gap), -np.expm1(gap)
    # in units of max e^r and with Z = (1 - w) + g: no difference of two close numbers is left
    weight = w * p[drawn] * a

    def excess(log_g):
        return float((weight / (math.exp(log_g) + (1 - w) * below)).sum()) - 1

    low, high = math.log(weight[gap == 0].sum()), math.log(weight.sum())
    if excess(low) <= 0 or low >= high:  # all rewards are the same, or all data real
        log_g = low if excess(low) <= 0 else high
    elif excess(high) >= 0:
        log_g = high
    else:
        log_g = scipy.optimize.brentq(excess, low, high, xtol=1e-16, rtol=4 * np.finfo(float).eps)
    g = math.exp(log_g)
    law = np.zeros_like(p)
    law[drawn] = w * p[drawn] * (1 - w + g) / (g + (1 - w) * below)
    return law / law.sum(), unit * (1 - w + g)
