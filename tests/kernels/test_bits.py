"""Compiled kernels give the bits their interpreted selves give."""

import modelcollapse as mc

REGIMES = {
    "replace": "mc.Replace(7)",
    "two": "mc.Replace(2)",
    "accumulate": "mc.Accumulate(7, n_real=5)",
    "fixed": "mc.FixedReal(6, 2, 9)",
    "fresh": "mc.FreshReal(8, 3)",
    "mix": "mc.Mix(9, 0.3)",
    "window": "mc.Window(6, 3)",
}
FAMILIES = {
    "scalar": "mc.Gaussian(0.5, 2.0, estimator='mle')",
    "plane": "mc.Gaussian([0.0, 1.0], [[2.0, 0.5], [0.5, 1.0]], estimator='unbiased')",
    "categorical": "mc.Categorical([0.5, 0.2, 0.2, 0.1])",
    "rows": "mc.Empirical(np.arange(9.0) ** 2, mc.Gaussian.from_data(np.arange(9.0) ** 2, estimator='mle'))",
    "plane rows": "mc.Empirical(P, mc.Gaussian.from_data(P, estimator='mle'))",
}
SCRIPT = """
import sys
import numpy as np
import modelcollapse as mc
P = np.stack([np.arange(9.0), np.arange(9.0) ** 2], axis=1)
out = {}
for name, family, regime in CASES:
    run = mc.simulate(eval(family), eval(regime), generations=40, replicates=3, rng=11)
    for variable in run.data_vars:
        out[f"{name}/{variable}"] = run[variable].values
np.savez(sys.argv[1], **out)
"""


def test_compiled_and_interpreted_agree_bit_for_bit(differences):
    cases = [(f"{f} {r}", FAMILIES[f], REGIMES[r]) for f in FAMILIES for r in REGIMES]
    assert differences(SCRIPT.replace("CASES", repr(cases)), at_least=len(cases)) == []


def test_the_comparison_covers_every_additive_regime():
    assert {type(eval(r)) for r in REGIMES.values()} == {
        mc.Replace,
        mc.Accumulate,
        mc.FixedReal,
        mc.FreshReal,
        mc.Mix,
        mc.Window,
    }
