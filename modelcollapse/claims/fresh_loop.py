r"""What claims about loops with fresh real data and a sampling bias share: exact moments, and bounds of others.

In one dimension a fit to :math:`n_r` real and :math:`n_s` synthetic points has a mean and a variance that are
polynomials in the last mean, the last standard deviation, two normals and two chi-squares. So the moments
:math:`E \mu^{2i} \sigma^{2j}` of the t-th fit are linear in those of the last one, and those that stay are the solution
of a linear system (`stationary`). Out of them comes the squared Wasserstein-2 distance, by a series for the root
(`distance`). In :math:`d` dimensions the same is known for real data alone, from moments of Wishart matrices.
"""

from __future__ import annotations

import math
from functools import lru_cache

#: moments up to E V^4, E mu^8: the distance is exact up to O(n^-3)
ORDER = 4
#: digits: at n = 10^4 the distance of two loops is compared to 1e-8 of itself
DIGITS = 40


def _times(p: dict, q: dict) -> dict:
    """Multiply polynomials in three variables, coefficients by exponents."""
    out: dict = {}
    for (a, b, c), x in p.items():
        for (d, e, f), y in q.items():
            key = a + d, b + e, c + f
            out[key] = out.get(key, 0) + x * y
    return out


def _even_powers(p: dict) -> list[dict]:
    square, out = _times(p, p), [{(0, 0, 0): 1}]
    for _ in range(ORDER):
        out.append(_times(out[-1], square))
    return out


@lru_cache(maxsize=256)
def stationary(n_r: float, n_s: float, bias: float) -> dict:
    """Return E mu^2i sigma^2j of the fresh loop at rest, one dimension, by (i, j), i + j <= 4, in forty digits.

    The sizes need not be integers. The scatter of the pool is chi^2_r + bias sigma^2 chi^2_s + n_r n_s/N apart^2, with
    the distance of the two sample means, which is a polynomial in mu, Z_r and sigma Z_s like the pooled mean.
    """
    import mpmath as mp

    with mp.workdps(DIGITS):
        n_r, n_s, bias = mp.mpf(n_r), mp.mpf(n_s), mp.mpf(bias)
        N = n_r + n_s
        mean = {(1, 0, 0): n_s / N, (0, 1, 0): mp.sqrt(n_r) / N, (0, 0, 1): mp.sqrt(bias * n_s) / N}
        apart = {(1, 0, 0): -mp.mpf(1), (0, 1, 0): 1 / mp.sqrt(n_r), (0, 0, 1): -mp.sqrt(bias / n_s)}
        means, gaps = _even_powers(mean), _even_powers(apart)
        normal = [mp.fac2(2 * k - 1) for k in range(2 * ORDER + 1)]
        real = [mp.rf((n_r - 1) / 2, k) * 2**k for k in range(ORDER + 1)]
        made = [mp.rf((n_s - 1) / 2, k) * 2**k * bias**k for k in range(ORDER + 1)]
        kinds = [(i, j) for i in range(ORDER + 1) for j in range(ORDER + 1 - i)]
        place = {kind: k for k, kind in enumerate(kinds)}
        step = mp.zeros(len(kinds))
        for i in range(ORDER + 1):
            for k in range(ORDER + 1 - i):
                joint: dict = {}  # E of mean^2i apart^2k over the normals, by powers of mu^2 and sigma^2
                for (a, r, w), value in _times(means[i], gaps[k]).items():
                    if not (a % 2 or r % 2 or w % 2):
                        key = a // 2, w // 2
                        joint[key] = joint.get(key, 0) + value * normal[r // 2] * normal[w // 2]
                for j in range(k, ORDER + 1 - i):
                    factor = math.comb(j, k) * (n_r * n_s / N) ** k / (N - 1) ** j
                    for (a, w), value in joint.items():
                        for m in range(j - k + 1):
                            chi = math.comb(j - k, m) * made[m] * real[j - k - m]
                            step[place[i, j], place[a, w + m]] += factor * value * chi
        out = {(0, 0): mp.mpf(1)}
        for degree in range(1, ORDER + 1):  # moments of one degree depend on no higher ones
            here = [(i, degree - i) for i in range(degree + 1)]
            known = [mp.fsum(step[place[x], place[y]] * value for y, value in out.items()) for x in here]
            matrix = mp.matrix([[(x == y) - step[place[x], place[y]] for y in here] for x in here])
            solved = mp.lu_solve(matrix, mp.matrix(known))
            out |= {x: solved[k] for k, x in enumerate(here)}
        return out


@lru_cache(maxsize=256)
def distance(n_r: float, n_s: float, bias: float):
    """Return E W_2^2 of the fresh loop at rest, one dimension, up to O(n^-3), as an mpmath number."""
    import mpmath as mp

    with mp.workdps(DIGITS):
        moment = stationary(n_r, n_s, bias)
        mean = moment[0, 1]
        central = [
            mp.fsum(math.comb(k, j) * moment[0, j] * (-mean) ** (k - j) for j in range(k + 1)) for k in range(ORDER + 1)
        ]
        root = mp.sqrt(mean) * mp.fsum(mp.binomial(mp.mpf(1) / 2, k) * central[k] / mean**k for k in range(ORDER + 1))
        return moment[1, 0] + 1 + mean - 2 * root


@lru_cache(maxsize=64)
def break_even(n_r: int, bias: float) -> float:
    """Return the n_s at which the loop is as far from the truth as its real points alone, one dimension."""
    import mpmath as mp

    with mp.workdps(DIGITS):
        real = mp.mpf(1) / n_r + 2 - 2 * mp.sqrt(mp.mpf(2) / (n_r - 1)) * mp.rf(mp.mpf(n_r - 1) / 2, mp.mpf(1) / 2)

        def excess(n_s):
            return (distance(n_r, n_s, bias) - real) * n_r**2 / n_s

        low, high = mp.mpf(8), mp.mpf(32)
        a, b = excess(low), excess(high)
        for _ in range(8):  # excess is nearly linear
            new = high - b * (high - low) / (b - a)
            low, a, high, b = high, b, new, excess(new)
            if abs(high - low) < 1e-9 * high:
                break
        return float(high)


def real_distance(n: int, dim: int) -> float:
    """Return E W_2^2 of one fit to n real points in d dimensions, up to O(n^-3): moments of a Wishart matrix.

    |mean|^2 has expectation d/n, and tr (1 - sqrt(1 + D))^2 = tr D^2/4 - tr D^3/8 + 5 tr D^4/64 - ...
    """
    d, v = dim, n - 1
    trace = [
        d,
        d,
        d * (v + d + 1) / v,
        d * (v**2 + d**2 + 3 * v * d + 3 * v + 3 * d + 4) / v**2,
        d
        * (v**3 + d**3 + 6 * v**2 * d + 6 * v * d**2 + 6 * v**2 + 6 * d**2 + 17 * v * d + 21 * v + 21 * d + 20)
        / v**3,
    ]
    central = [sum(math.comb(k, j) * trace[j] * (-1) ** (k - j) for j in range(k + 1)) for k in range(5)]
    return d / n + central[2] / 4 - central[3] / 8 + 5 * central[4] / 64


def norms(n_r: int, n_s: int, bias: float, n_ini: int, t: int) -> tuple[float, float]:
    """Bound the roots of E V_t^2 and E mu_t^4 of the fresh loop, one dimension.

    The mean square of the pooled points has a second moment that follows from pairs of points: E x^2 y^2 is 1 for real
    ones, and for synthetic ones E (mu^2 + bias V)^2, at most (N/(N-1))^2 times the last second moment. The mean is f
    times the last one plus a normal variable of variance (n_r + n_s bias V)/N^2.
    """
    N = n_r + n_s
    f, square, fourth, size = n_s / N, (n_ini + 2) / n_ini, 3 / n_ini**2, n_ini
    shift, spread = 1 / n_ini, 1.0
    for _ in range(t - 1):
        last = (size / (size - 1)) ** 2 * square
        mixed = bias * spread + shift
        noise = 3 * (n_r**2 + 2 * n_r * n_s * bias * spread + (n_s * bias) ** 2 * last) / N**4
        fourth = f**4 * fourth + 6 * f**2 * math.sqrt(fourth * noise) + noise
        square = (n_r * (n_r + 2) + 2 * n_r * n_s * mixed + n_s * (n_s + 2) * last) / N**2
        new = (1 - f) / N + f**2 * shift + f * bias * spread / N
        spread = (n_r + n_s * (bias * spread + shift) - N * new) / (N - 1)
        shift, size = new, N
    return size / (size - 1) * math.sqrt(square), math.sqrt(fourth)
