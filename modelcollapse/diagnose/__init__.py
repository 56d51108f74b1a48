r"""Has it collapsed? Eight definitions of "model collapse", asked of one run.

The literature means different things by the word, and a run can have collapsed in one sense and be sound in another.
Schaeffer et al. (arXiv 2503.03150) name eight senses; how each is decided here is ours (`position-eight-definitions`),
written out in the column ``criterion``, and adjustable:

1. **Catastrophic increase of population risk**: somewhere the median risk is `factor` times that of generation 1.
2. **Any increase of population risk**: chain by chain, the risk is more often above the chain's own first one than
   below it (sign test).
3. **Asymptotically diverging population risk**: doubling the time multiplies the risk by more than 1 + `persistence`.
4. **Collapsing variance**: doubling the time multiplies the loss of log variance by more than 1 + `persistence`.
5. **Change in scaling law**: the exponent of the risk in the sample size differs from that of generation 1.
6. **Entanglement of real modes**: in most chains a mode of the truth is lost, or two can no longer be told apart.
7. **Disappearance of real tails**: less than `kept` of the tail that generation 1 had is left.
8. **Appearance of hallucinated data**: mass of the models where the truth has next to none, on average over chains.

**Asymptotic words, finite runs.** No finite run shows a limit. For 3 and 4 the declared rule compares the second half
of the run with the quarter before it: a quantity that grows like :math:`t^a` is multiplied by :math:`2^a`, one that has
levelled off by 1. With ``persistence=0.5`` what grows faster than :math:`t^{0.58}` diverges, and what grows slower
(like :math:`\ln t`), or levels off, does not. A bound that sets in later than the run ends cannot be seen.

**Uncertainty.** A verdict is "yes" or "no" only if the number is `errors` standard errors from its threshold (for
medians: order statistics at that level), else "cannot tell". Means of heavy-tailed quantities are avoided: a risk is
compared by medians and logarithms, and means are taken of bounded quantities alone. One chain cannot tell chance from
trend, and says so.

The four notions of Gerstgrasser et al. (`gerstgrasser-notions`) are among these: unbounded error is 3, modal collapse 6
(and 4), the amplification of artefacts 8; collapse to uniformity is a variance that grows, which the note of 4 reports.
"""

from modelcollapse.diagnose.table import DEFINITIONS, diagnose

__all__ = ["DEFINITIONS", "diagnose"]
