r"""What should a model believe of a word pair that it has not seen?

Maximum likelihood says: impossible. **Kneser-Ney smoothing** takes a little of every count, the *discount*, and
gives what it took to the law of a shorter context. The variant here is the one that Chen and Goodman (1999) found
best, interpolated and with their *modified* discounts, at every order:

.. math::

    P(w \mid h) &= \frac{\max(a(hw) - D(a(hw)), 0)}{\sum_v a(hv)} + \gamma(h)\, P(w \mid h'),
    \qquad \gamma(h) = \frac{\sum_v D(a(hv))}{\sum_v a(hv)}, \\
    P(w \mid \text{the empty context}) &\text{ likewise, with } P(w \mid h') = 1/V .

:math:`h'` is :math:`h` without its first word, :math:`V` the size of the vocabulary. A context that was never seen
is worth what :math:`h'` is worth: :math:`\gamma = 1`.

**The counts** :math:`a` are the occurrences :math:`c(hw)` at the highest order alone. Below it they are
*continuation counts*, :math:`N_{1+}(\bullet hw)`: the number of *different* words that precede :math:`hw`. A shorter
context is asked only when the longer one had little to say, and then it matters after how many words a word may
stand, not how often it does: *francisco* is frequent, and follows nothing but *san*. They are a function of the
highest-order table: that table remains the sufficient statistic.

**The discounts** depend on the count and are estimated for each order from the number :math:`n_r` of its n-grams
with count :math:`r`. With :math:`Y = n_1 / (n_1 + 2 n_2)`,

.. math::
    D(1) = 1 - 2Y\frac{n_2}{n_1}, \quad D(2) = 2 - 3Y\frac{n_3}{n_2}, \quad D(r \ge 3) = 3 - 4Y\frac{n_4}{n_3} .

Small or strange texts have no such estimates. If one of :math:`n_1, \dots, n_4` is 0, or one of the three is not above
0, all are :math:`Y`, the one discount of Kneser and Ney (:math:`D(1)` is that anyway); if :math:`n_1` or :math:`n_2`
is 0, they are 1/2. So all discounts lie above 0 and below the counts that they are taken of, every law is
normalised, and no word of the vocabulary is impossible anywhere.

**A text is a ring**, as for the other models, and there are no signs for the beginning or the end of a sentence.

**What refitting does to it.** Kneser and Ney (1995) chose the lower-order law so that the margins of the model are
those of the text. That is why *one* discount per order favours no word: a word drawn after each context of the
training text has, in expectation, the frequencies of that text, as without smoothing; only words of the vocabulary
that the text lacks come back, and all others pay alike. The three discounts in use are another matter. They take
less of a word whose predecessors come before it once each than of one whose few predecessors do so often, and give
back to both alike: refitting then selects the words of many contexts, the rare ones above all.
"""

from __future__ import annotations

import numpy as np

#: the discount where a text has no estimate
DEFAULT = 0.5


def discounts(counts) -> np.ndarray:
    """Estimate the modified discounts of one order.

    Parameters
    ----------
    counts : array of int, (ngram,)
        Of the distinct n-grams of this order; zeros do not count.

    Returns
    -------
    ndarray, (4,)
        Taken of counts 0, 1, 2, and 3 or more. The first is 0; each of the others is above 0 and below its count.

    Examples
    --------
    >>> discounts([1] * 8 + [2] * 4 + [3] * 2 + [4]).tolist()
    [0.0, 0.5, 1.25, 2.0]
    >>> discounts([1, 1, 2, 5]).tolist()
    [0.0, 0.5, 0.5, 0.5]
    """
    n = np.bincount(np.minimum(counts, 5), minlength=6)
    if not n[1] or not n[2]:
        return np.array([0.0, DEFAULT, DEFAULT, DEFAULT])
    y = n[1] / (n[1] + 2 * n[2])
    if n[3] and n[4]:
        three = [r - (r + 1) * y * n[r + 1] / n[r] for r in (1, 2, 3)]
        if min(three) > 0:
            return np.array([0.0, *three])
    return np.array([0.0, y, y, y])


def continuations(link: np.ndarray, count: np.ndarray, leaves: int) -> np.ndarray:
    """Counts that Kneser-Ney goes by, node by node: occurrences of the longest n-grams, continuations of the others.

    Parameters
    ----------
    link : ndarray of int, (node,)
        The node of each n-gram without its first word.
    count : ndarray of int, (node,)
        Occurrences of each n-gram.
    leaves : int
        The first of the longest n-grams.
    """
    seen = np.flatnonzero(count)
    seen = seen[seen > 0]  # the root is its own link, and no continuation of itself
    out = np.bincount(link[seen], minlength=len(count))
    out[leaves:] = count[leaves:]
    out[0] = 0
    return out
