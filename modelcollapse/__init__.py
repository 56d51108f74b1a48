"""What happens to a model that is refitted, generation after generation, on its own samples?

>>> import modelcollapse as mc
>>> truth = mc.Gaussian(mean=0.0, cov=1.0, estimator="unbiased")
>>> run = mc.simulate(truth, mc.Replace(n=100), generations=200, replicates=1000, rng=7)
>>> known = mc.predict("log_variance", truth, mc.Replace(n=100), generations=200)
>>> mc.verify(run, known).status.name
'SUPPORTED'

The names below are the ones a user meets first. What is slow to import (numba, xarray, scikit-learn, matplotlib) is
imported where it is used; the rooms `claims`, `lm`, `metrics`, `plot` and `testing` open when they are named.
"""

import importlib

from modelcollapse import curation, families, regimes, theory
from modelcollapse.diagnose import diagnose
from modelcollapse.families import (
    Categorical,
    Empirical,
    Exponential,
    FrequencySpectrum,
    Gaussian,
    GaussianMixture,
    KernelDensity,
    LinearRegression,
    LogisticRegression,
    Poisson,
)
from modelcollapse.plan import plan
from modelcollapse.regimes import Accumulate, FixedReal, FreshReal, Mix, Replace, Subsample, Window
from modelcollapse.simulate import simulate
from modelcollapse.theory import predict
from modelcollapse.verify import verify

__version__ = "0.1.0"

__all__ = [
    "Accumulate",
    "Categorical",
    "Empirical",
    "Exponential",
    "FixedReal",
    "FrequencySpectrum",
    "FreshReal",
    "Gaussian",
    "GaussianMixture",
    "KernelDensity",
    "LinearRegression",
    "LogisticRegression",
    "Mix",
    "Poisson",
    "Replace",
    "Subsample",
    "Window",
    "__version__",
    "claims",
    "curation",
    "diagnose",
    "families",
    "lm",
    "metrics",
    "plan",
    "plot",
    "predict",
    "regimes",
    "simulate",
    "testing",
    "theory",
    "verify",
]


def __getattr__(name):
    if name in ("claims", "lm", "metrics", "plot", "testing"):
        return importlib.import_module(f"modelcollapse.{name}")
    raise AttributeError(f"module 'modelcollapse' has no attribute {name!r}; it has {', '.join(__all__)}.")


def __dir__():
    return __all__
