"""What is known? Closed forms, exact recursions, limits and bounds, one function each; no simulation.

`predict` is the door that takes a family and a regime, `law` the one to whole laws. Behind them are the rooms, a module
per question: how related the points are (`inbreeding`), the Gaussian and its laws, categories, mixtures, kernels,
regression, scaling laws, temperature, curation, detection. Every docstring has the formula, its assumptions, its kind
(exact, asymptotic, bound) and its source. A room says in its ``__all__`` what it offers; here is all of that.
"""

import sys

from modelcollapse.theory.absorption import *
from modelcollapse.theory.categorical import *
from modelcollapse.theory.categorical_bounds import *
from modelcollapse.theory.closed_loop import *
from modelcollapse.theory.counts import *
from modelcollapse.theory.curation import *
from modelcollapse.theory.detection import *
from modelcollapse.theory.dimensions import *
from modelcollapse.theory.diversity import *
from modelcollapse.theory.gaussian import *
from modelcollapse.theory.immigration import *
from modelcollapse.theory.inbreeding import *
from modelcollapse.theory.kernel_density import *
from modelcollapse.theory.landing import *
from modelcollapse.theory.law import *
from modelcollapse.theory.laws import *
from modelcollapse.theory.mad import *
from modelcollapse.theory.marginal import *
from modelcollapse.theory.mixtures import *
from modelcollapse.theory.passage import *
from modelcollapse.theory.power_law import *
from modelcollapse.theory.predict import *
from modelcollapse.theory.preference import *
from modelcollapse.theory.random_matrix import *
from modelcollapse.theory.regression import *
from modelcollapse.theory.regression_mixed import *
from modelcollapse.theory.scaling import *
from modelcollapse.theory.selection import *
from modelcollapse.theory.stability import *
from modelcollapse.theory.temperature import *
from modelcollapse.theory.temporal import *
from modelcollapse.theory.truncation import *
from modelcollapse.theory.watermark import *
from modelcollapse.theory.weights import *
from modelcollapse.theory.wright_fisher import *
from modelcollapse.theory.zipf import *

__all__ = sorted(
    name
    for room, module in sys.modules.items()
    if room.startswith(f"{__name__}.") and room.count(".") == 2
    for name in getattr(module, "__all__", ())  # a few rooms serve others only
)
