r"""What the loops draw from a Generator, and the logarithms they take of many numbers at once.

**Chi-squares without a uniform.** Marsaglia and Tsang (2000) draw a gamma variable of shape :math:`b + 1/3` as
:math:`b v^3` with :math:`v = 1 + cx`, x normal and :math:`c = 1/\sqrt{9b}`. They refuse x when
:math:`\ln u > h(x) = x^2/2 + b(1 - v^3 + 3 \ln v)`, with u uniform, and since :math:`h(x) \approx -x^4/(108\,b)` that
is rare: a few times in ten thousand draws for a sample of a thousand. So hardly any u needs to be drawn. For
:math:`|x| \le` `NEAR` the refusal needs :math:`u > 1 - \varepsilon`, :math:`\varepsilon = \max(1 - e^{h})` there; when
this happens next among independent u is geometric, and is drawn once (`wait`). Only then, and for the few x further
out, is u itself drawn, given what is known of it (`reconsider`). The law is exactly that of the original. A loop has

    x = rng.standard_normal()
    if left > 0 and abs(x) < NEAR:
        left -= 1
        v = 1.0 + c * x
    else:
        v, left = reconsider(rng, b, c, epsilon, x, left)

written out, because a function that returned both would cost as much as the normal variable.

**Logarithms in step.** One call of a mathematical library costs as much as a normal variable. `logarithms` does what
the library does (reduce to :math:`[\sqrt{1/2}, \sqrt 2)`, then the series of artanh), for a whole array and without a
branch, so that the compiler does several at once.
"""

import math

from numba import njit

#: a normal variable is nearer to 0 than this, but for six in 100,000
NEAR = 4.0
#: beyond this probability of a refusal within NEAR, a uniform for each draw is cheaper than the waiting time
LAZY = 0.1
LN2 = math.log(2.0)
#: bits of sqrt(1/2); sign and exponent of a double
ROOT_HALF = 0x3FE6A09E667F3BCD
EXPONENT = -(1 << 52)


@njit(cache=True, nogil=True)
def log(x):
    """Natural logarithm with log(0) = -inf, as compiled and interpreted code must agree."""
    return math.log(x) if x > 0.0 else -math.inf


@njit(cache=True, nogil=True, error_model="numpy")
def logarithms(x, bits, exponent, size):
    """Replace the first `size` entries of x, positive and normal, by their logarithms, right to 2 ulp or 1e-16.

    `bits` is ``x.view(int64)``, `exponent` (like x) is scratch.
    """
    for i in range(size):
        above = bits[i] - ROOT_HALF
        exponent[i] = float(above >> 52)
        bits[i] -= above & EXPONENT
    for i in range(size):
        s = (x[i] - 1.0) / (x[i] + 1.0)
        q = s * s
        series = 1 / 13 + q * (1 / 15 + q * (1 / 17 + q / 19))
        series = 1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11 + q * series))))
        x[i] = exponent[i] * LN2 + 2.0 * (s + s * q * series)


@njit(cache=True, nogil=True)
def pick(rng, n):
    """Draw an integer below n; the bias of 2^-53 n is below any that could be seen (and Generator.integers compiles
    for more than a second).
    """
    return int(rng.random() * n)


@njit(cache=True, nogil=True)
def shuffle_head(rng, head, order):
    """Bring a uniform random subset of size `head` to the front of `order`, in random order (Fisher-Yates)."""
    for i in range(head):
        j = i + pick(rng, len(order) - i)
        order[i], order[j] = order[j], order[i]


@njit(cache=True, nogil=True, error_model="numpy")
def shape(df):
    """Coefficients b and c of a chi-square of df >= 2 degrees of freedom, which is 2 b v^3; zeros for fewer."""
    if df < 2:
        return 0.0, 0.0
    b = 0.5 * df - 1.0 / 3.0
    return b, 1.0 / math.sqrt(9.0 * b)


@njit(cache=True, nogil=True)
def favour(x, b, c):
    """Logarithm of the probability that x is not refused; -inf where v is not positive."""
    v = 1.0 + c * x
    if v <= 0.0:
        return -math.inf
    cube = v * v * v
    return 0.5 * x * x + b * (1.0 - cube + math.log(cube))


@njit(cache=True, nogil=True)
def refusal(b, c):
    """Largest probability with which an x within NEAR is refused (it grows with the distance from 0)."""
    return 1.0 - math.exp(min(favour(NEAR, b, c), favour(-NEAR, b, c)))


@njit(cache=True, nogil=True)
def wait(rng, epsilon):
    """Draws before the next one whose uniform is above 1 - epsilon: geometric; 0 where there is no waiting."""
    if epsilon > LAZY:
        return 0
    return int(math.log(1.0 - rng.random()) / math.log1p(-epsilon))


@njit(cache=True, nogil=True)
def reconsider(rng, b, c, epsilon, x, left):
    """Accept or refuse x with its uniform drawn, and then draw again if need be; return v and the new waiting time."""
    while True:
        if epsilon > LAZY:
            u = 1.0 - rng.random()
            x2 = x * x
            if u < 1.0 - 0.0331 * x2 * x2 and c * x > -1.0:  # accepts all but a few in a hundred without a logarithm
                return 1.0 + c * x, left
        elif left > 0:
            u = (1.0 - epsilon) * (1.0 - rng.random())
            left -= 1
        else:
            u = 1.0 - epsilon * rng.random()
            left = wait(rng, epsilon)
        if math.log(u) <= favour(x, b, c):
            return 1.0 + c * x, left
        x = rng.standard_normal()
        if left > 0 and abs(x) < NEAR:
            return 1.0 + c * x, left - 1


@njit(cache=True, nogil=True)
def chi_square(rng, df):
    """Draw chi-square of `df` >= 1 degrees of freedom, by itself."""
    if df < 2:
        z = rng.standard_normal()
        return z * z
    b, c = shape(df)
    while True:
        x = rng.standard_normal()
        v = 1.0 + c * x
        if v > 0.0:
            u = rng.random()
            x2 = x * x
            # the first test accepts all but a few in a hundred without a logarithm
            if u < 1.0 - 0.0331 * x2 * x2 or math.log(u) < favour(x, b, c):
                return 2.0 * b * v * v * v
