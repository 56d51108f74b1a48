"""Do theory and simulation agree? Tests of Monte Carlo output with an error rate that is declared beforehand.

A simulation is random, so a check of it can fail although nothing is wrong. Here the probability of that, the
*error rate* alpha, is an input (1e-6 unless said) and is kept by construction, in three layers:

* **p-values whose null law is known** (`pvalues`): each is a number P with Pr(P <= x) <= x when the theory is
  right. The law is chosen before the sample: binomial for counts, a betting martingale for bounded variables,
  the Dvoretzky-Kiefer-Wolfowitz inequality for distributions, and the normal law only for means whose
  standard deviation is *known from theory* and whose skewness is bounded; where the skewness is not, a martingale
  that needs the standard deviation alone, or a bound on it. The standard error of a sample
  decides nothing: a collapsing variance is so skewed that the usual z-test of its mean rejects a correct
  theory in 81 % of runs at a nominal 0.1 % (n = 10, t = 100; claim `G-HEAVY`).
* **`sequential`** (Gandy and Scott, arXiv 2001.06465, Algorithm 2) draws fresh and larger samples as long
  as a result is neither clearly good nor clearly bad. Used by tests, which can draw as much as they like.
* **`verify`** judges one run that exists against one prediction. It has a fixed sample, hence a third
  possible answer besides supported and contradicted: that the run cannot tell. A theory is called supported only if
  the check *could have seen* a difference that matters.

Symbols: R replicates; z = (seen - expected) / (sd / sqrt(R)); level = alpha / (number of comparisons).
"""

from modelcollapse.verify.pvalues import (
    pvalue_binomial,
    pvalue_bounded,
    pvalue_counts,
    pvalue_distribution,
    pvalue_mean,
    pvalue_spread,
    pvalue_two_counts,
    pvalue_two_samples,
)
from modelcollapse.verify.sequential import Outcome, sequential
from modelcollapse.verify.verdict import QUANTITIES, Status, Verdict, verify

__all__ = [
    "QUANTITIES",
    "Outcome",
    "Status",
    "Verdict",
    "pvalue_binomial",
    "pvalue_bounded",
    "pvalue_counts",
    "pvalue_distribution",
    "pvalue_mean",
    "pvalue_spread",
    "pvalue_two_counts",
    "pvalue_two_samples",
    "sequential",
    "verify",
]
