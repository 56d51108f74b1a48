r"""Gaussian mixtures: expectation-maximisation in one pass over the points per step.

A step needs, for every component :math:`c`, the responsibilities
:math:`r_{ic} = w_c N(x_i; m_c, C_c) / \sum_b w_b N(x_i; m_b, C_b)` and the three sums
:math:`\sum_i r_{ic}`, :math:`\sum_i r_{ic} z_i`, :math:`\sum_i r_{ic} z_i z_i^\top`. Both are done for `BLOCK` points
at a time, so what lies between never leaves the first-level cache, and the points are read once.

* **z, not x.** Moments are taken about a *centre* that travels with the component (its previous mean), so that a
  component of standard deviation 1e-8 around 5 keeps its digits. Where a mean moves by very many of its new standard
  deviations in one step, the step is repeated about the new mean.
* **Lanes.** Sums over points run in `BLOCK` parallel lanes (entry j of an accumulator takes the points j, BLOCK + j,
  ...) that are folded together at the end. The order of every addition is therefore written out, the compiler can
  use vector instructions without ``fastmath``, and compiled and interpreted kernels agree bit for bit.
* **Layout.** Points are (dim, point): one coordinate is one contiguous row.
* **Covariances** enter as Cholesky factors, found by forward substitution; diagonal and spherical models are the same
  code with the off-diagonal part left out and the estimate projected.
* **What it costs.** One core with vectors of eight numbers, nominally at 2.6 GHz, needs 0.8 ns for an exponential. The
  other figures are for a point and component of a step: 2.2 ns in one dimension with three components, of which a third
  are exponentials; 2.8 ns in two dimensions with two, of which a seventh are (two components share one); 15 ns in eight
  dimensions with five, where they do not count. So in one dimension the exponentials are near, and elsewhere the limit
  is how often rows of a block are read from and written to the first-level cache. Memory is no limit: to copy a million
  points of the plane takes a tenth of a step over them. Two thirds of the time of drawing points are NumPy's random
  numbers.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

FULL, DIAG, SPHERICAL = 0, 1, 2

BLOCK = 128  # lanes; a kilobyte per row of scratch, and a few dozen rows fit a first-level cache
FLUSH = 8  # blocks between two logarithms of a product of ratios in [1, k]: k^8 is a number for any k
GONE = 1e-8  # a component that answers for less than this many points has lost them: weight 0 from now on
FAR = 1e4  # squared distance, in new standard deviations, that a mean may move before its moments are retaken
OWN = 1e-13  # least share of a coordinate's variance that the coordinates before it leave: less is rounding error
LEAST = 1e-30  # least variance of a component in units of the points' variance, where no floor is asked for
TINY = 1e-250  # variance given to a coordinate in which all points are equal, so that nothing divides by zero
HUGE = 1e300  # cap of a squared distance, and what NaN becomes; twice it is still a number

_LOG_2PI = math.log(2 * math.pi)
_INV_LN2 = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01  # log 2 in two parts, the first with 32 zero bits at its end: k * high is exact
_LN2_LOW = 1.90821492927058770002e-10
_ROUND = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to an integer, which then stands in the lowest bits
_UNDERFLOW = -708.0  # exp below this is near the smallest normal double: taken as 0


@njit(cache=True, nogil=True, error_model="numpy")
def exponential(x):
    r"""Return exp(x) for x <= 0, as 0 below -708, with an error of about 1 ulp at most; no branch, no call.

    :math:`e^x = 2^k e^r` with :math:`|r| \le \frac12 \log 2`, and :math:`e^r = 1 + r + r^2 q(r)` where q, of degree 9,
    interpolates at the Chebyshev nodes (relative error 1.7e-17). Its parts are evaluated side by side, so that one
    multiplication need not wait for the one before. The power of two is added to the exponent bits.
    """
    y = x if x > _UNDERFLOW else _UNDERFLOW
    t = y * _INV_LN2 + _ROUND
    k = t - _ROUND
    r = (y - k * _LN2_HIGH) - k * _LN2_LOW
    s = r * r
    w = s * s
    low = (0.5000000000000001 + 0.16666666666666669 * r) + (0.041666666666624164 + 0.008333333333330065 * r) * s
    middle = (0.0013888888917196719 + 0.00019841269863040545 * r) + (
        2.4801521322368692e-05 + 2.7557268480310024e-06 * r
    ) * s
    high = 2.7620075879983367e-07 + 2.5100375832561234e-08 * r
    q = low + w * (middle + w * high)
    e = np.float64(1.0 + (r + s * q))
    scaled = np.int64(e.view(np.int64) + (np.float64(t).view(np.int64) << np.int64(52)))
    return scaled.view(np.float64) if x >= _UNDERFLOW else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def cholesky(A, L, least):
    """Write the lower Cholesky factor of A into L, raising pivots below `least` (and A with them); True if any was.

    The pivot of a coordinate is its variance given the coordinates before it. It must also be at least `OWN` times its
    variance, or rounding would decide it.
    """
    raised = False
    for a in range(A.shape[0]):
        for b in range(a + 1):
            s = A[a, b]
            for e in range(b):
                s -= L[a, e] * L[b, e]
            if a != b:
                L[a, b] = s / L[b, b]
            else:
                bound = max(least, OWN * A[a, a])
                if not s >= bound:
                    A[a, a] += bound - s
                    s = bound
                    raised = True
                L[a, a] = math.sqrt(s)
    return raised


@njit(cache=True, nogil=True, error_model="numpy")
def em(X, shape, tol, max_iter, floor, weights, means, covs, chols):
    r"""Run expectation-maximisation from (weights, means, covs), which it overwrites.

    Parameters
    ----------
    X : (dim, point)
        Points.
    shape : int
        FULL, DIAG or SPHERICAL.
    tol, max_iter : float, int
        Stop when the mean log-likelihood changes by less than `tol` from one step to the next, or after `max_iter`.
    floor : float
        A coordinate's variance within a component, given the coordinates before it, is raised to `floor` times its
        variance among these very points (spherical components: times the average variance).
    weights, means, covs, chols : (k,), (k, dim), (k, dim, dim), (k, dim, dim)
        In: the start (`chols` is only written). Out: the estimate and its Cholesky factors.

    Returns
    -------
    (iterations, floored, loglik)
        Steps made; components whose covariance had to be raised in any of them; mean log-likelihood before the last
        step, NaN if a moment is not a finite number (so the points are not, or their squares).
    """
    d, n = X.shape
    k = weights.shape[0]
    full = shape == FULL
    rows = 1 + d + d * (d + 1) // 2
    acc = np.empty((k * rows + 1, BLOCK))
    dens = np.empty((k + 1, BLOCK))
    x = np.empty((d, BLOCK))
    sub = np.empty((d, BLOCK))
    dist = np.empty(BLOCK)
    largest = np.empty(BLOCK)
    total = np.empty(BLOCK)
    product = np.empty(BLOCK)
    const = np.empty(k)
    taken = np.empty(k + 1)
    inverse = np.empty((k, d))
    centre = np.empty((k, d))
    shift = np.empty((k, d))
    factor = np.empty((d, d))
    mass = np.empty(k)
    raised = np.empty(k)
    scale = np.empty(d)
    step = np.empty(d)
    touched = np.empty(k)
    for c in range(k):
        touched[c] = 0.0
        s = 0.0
        for a in range(d):
            centre[c, a] = means[c, a]
            s += covs[c, a, a] / d
        if not full:
            for a in range(d):
                for b in range(d):
                    if a != b:
                        covs[c, a, b] = 0.0
                    elif shape == SPHERICAL:
                        covs[c, a, b] = s
        cholesky(covs[c], chols[c], LEAST * TINY)
    iterations = 0
    again = False
    loglik = -math.inf
    while iterations < max_iter:
        for row in range(k * rows + 1):
            for j in range(BLOCK):
                acc[row, j] = 0.0
        for j in range(BLOCK):
            product[j] = 1.0
        live = 0.0
        for c in range(k):
            if weights[c] > 0.0:
                live += 1.0
                s = math.log(weights[c]) - 0.5 * d * _LOG_2PI
                for a in range(d):
                    inverse[c, a] = 1.0 / chols[c, a, a]
                    s += math.log(inverse[c, a])
                const[c] = s
            taken[c] = weights[c]
        taken[k] = 0.0
        if k == 2 and live == 2.0:  # the larger of two will be 1: one exponential is enough
            taken[0], taken[1], taken[2] = 0.0, 0.0, 1.0
        logs = 0.0
        for start in range(0, n, BLOCK):
            m = min(BLOCK, n - start)
            for a in range(d):
                for j in range(m):  # unsigned: through an index that may be negative no vector can be read
                    x[a, j] = X[a, np.uint64(start + j)]
                for j in range(m, BLOCK):
                    x[a, j] = X[a, start]  # lanes past the last point follow along, and get responsibility 0
            for j in range(BLOCK):
                largest[j] = -2.0 * HUGE
                total[j] = 0.0
            for c in range(k):
                if weights[c] == 0.0:
                    continue
                mu = means[c, 0]
                inv = inverse[c, 0]
                for j in range(BLOCK):
                    y = (x[0, j] - mu) * inv
                    sub[0, j] = y
                    dist[j] = y * y
                for a in range(1, d):
                    mu = means[c, a]
                    inv = inverse[c, a]
                    for j in range(BLOCK):
                        sub[a, j] = x[a, j] - mu
                    for b in range(0 if full else a, a):
                        f = chols[c, a, b]
                        for j in range(BLOCK):
                            sub[a, j] -= f * sub[b, j]
                    for j in range(BLOCK):
                        y = sub[a, j] * inv
                        sub[a, j] = y
                        dist[j] += y * y
                s = const[c]
                for j in range(BLOCK):
                    q = s - 0.5 * (dist[j] if dist[j] < HUGE else HUGE)
                    dens[c, j] = q
                    dens[k, j] = q if q < largest[j] else largest[j]  # of two components: the smaller one
                    largest[j] = q if q > largest[j] else largest[j]
            for c in range(k + 1):
                if taken[c] > 0.0:
                    for j in range(BLOCK):
                        e = exponential(dens[c, j] - largest[j])
                        dens[c, j] = e
                        total[j] += e
            if taken[k] > 0.0:
                for j in range(BLOCK):
                    e = dens[k, j]
                    first = dens[0, j] >= dens[1, j]
                    dens[0, j] = 1.0 if first else e
                    dens[1, j] = e if first else 1.0
                    total[j] += 1.0
            for j in range(m):
                acc[k * rows, j] += largest[j]
                product[j] *= total[j]
                total[j] = 1.0 / total[j]
            for j in range(m, BLOCK):
                total[j] = 0.0
            if (start // BLOCK) % FLUSH == FLUSH - 1 or start + BLOCK >= n:
                p = 1.0
                for j in range(BLOCK):
                    p *= product[j]
                    product[j] = 1.0
                    if p > 1e200:
                        logs += math.log(p)
                        p = 1.0
                logs += math.log(p)
            for c in range(k):
                if weights[c] == 0.0:
                    continue
                at = c * rows
                for j in range(BLOCK):
                    r = dens[c, j] * total[j]
                    dens[c, j] = r
                    acc[at, j] += r
                at += 1
                row = at + d
                for a in range(d):
                    mu = centre[c, a]
                    if not full:
                        row += a
                    for b in range(0 if full else a, a):
                        nu = centre[c, b]
                        for j in range(BLOCK):
                            acc[row, j] += dens[c, j] * (x[a, j] - mu) * (x[b, j] - nu)
                        row += 1
                    for j in range(BLOCK):
                        z = x[a, j] - mu
                        t = dens[c, j] * z
                        acc[at + a, j] += t
                        acc[row, j] += t * z
                    row += 1
        for row in range(k * rows + 1):
            half = BLOCK // 2
            while half >= 8:
                for j in range(half):
                    acc[row, j] += acc[row, half + j]
                half //= 2
            s = 0.0
            for j in range(8):
                s += acc[row, j]
            acc[row, 0] = s
        sum_log = acc[k * rows, 0] + logs
        live = 0.0
        for c in range(k):
            mass[c] = acc[c * rows, 0] if acc[c * rows, 0] >= GONE else 0.0
            live += mass[c]
        # variances of the points, out of the components' moments
        for a in range(d):
            mean = 0.0
            for c in range(k):
                shift[c, a] = acc[c * rows + 1 + a, 0] / mass[c] if mass[c] > 0.0 else 0.0
                mean += mass[c] * ((centre[c, a] - centre[0, a]) + shift[c, a])
            mean /= live
            variance = 0.0
            for c in range(k):
                if mass[c] > 0.0:
                    s = acc[c * rows + 1 + d + a * (a + 3) // 2, 0] / mass[c] - shift[c, a] * shift[c, a]
                    z = (centre[c, a] - centre[0, a]) + shift[c, a] - mean
                    variance += mass[c] * (z * z + max(s, 0.0))
            variance /= live
            if not variance < math.inf:
                return iterations, 0, math.nan
            scale[a] = variance
        if shape == SPHERICAL:
            s = 0.0
            for a in range(d):
                s += scale[a] / d
            for a in range(d):
                scale[a] = s
        for a in range(d):
            scale[a] = math.sqrt(max(scale[a], TINY))
        # covariances, in units of `scale`
        retake = False
        for c in range(k):
            if mass[c] == 0.0:
                continue
            A = covs[c]  # the E-step reads `chols`, which stay until the step is accepted
            trace = 0.0
            row = c * rows + 1 + d
            for a in range(d):
                for b in range(a + 1):
                    s = 0.0
                    if full or a == b:
                        s = (acc[row, 0] / mass[c] - shift[c, a] * shift[c, b]) / (scale[a] * scale[b])
                    A[a, b] = s
                    A[b, a] = s
                    row += 1
                trace += A[a, a]
            if shape == SPHERICAL:
                for a in range(d):
                    A[a, a] = trace / d
            raised[c] = cholesky(A, factor, max(floor, LEAST))
            far = 0.0
            for a in range(d):
                s = shift[c, a] / scale[a]
                for b in range(a):
                    s -= factor[a, b] * step[b]
                s /= factor[a, a]
                step[a] = s
                far += s * s
            retake = retake or far > FAR
            for a in range(d):
                for b in range(a + 1):
                    A[a, b] *= scale[a] * scale[b]
                    A[b, a] = A[a, b]
        if retake and not again:
            for c in range(k):
                for a in range(d):
                    centre[c, a] += shift[c, a]
            again = True
            continue
        again = False
        for c in range(k):
            weights[c] = mass[c] / live
            if mass[c] > 0.0:
                touched[c] += raised[c]
                for a in range(d):
                    centre[c, a] += shift[c, a]
                    means[c, a] = centre[c, a]
                cholesky(covs[c], chols[c], LEAST * TINY)
        iterations += 1
        change = sum_log / n - loglik
        loglik = sum_log / n
        if abs(change) < tol:
            break
    floored = 0
    for c in range(k):
        floored += touched[c] > 0.0
    return iterations, floored, loglik


@njit(cache=True, nogil=True, error_model="numpy")
def place(cumulative, means, chols, u, z):
    """Turn uniform numbers u (point,) and normal ones z (dim, point) into points of a mixture, in place of z.

    Point i belongs to the first component whose cumulative weight exceeds u[i]; the last such weight must exceed 1.
    """
    d, n = z.shape
    for i in range(n):
        c = 0
        while u[i] >= cumulative[c]:
            c += 1
        for e in range(d):
            a = d - 1 - e  # last coordinate first: it needs the normal numbers of all others
            s = 0.0
            for b in range(a + 1):
                s += chols[c, a, b] * z[b, i]
            z[a, i] = means[c, a] + s
