"""How far has it gone: functions of a run.

Every metric takes a run (the `xarray.Dataset` that `simulate` returns) and gives an `xarray.DataArray` with the
dimensions (replicate, generation), whose attributes say what it is, in which unit, and whether it is a closed form
or taken from samples (then with how many, and with its standard error as a coordinate). The functions that ask who is
lost first are about shares of the chains and have no replicates.

====================  ======================================================================================
what is forgotten     `tail_mass`, `survival`, `support`, `missing_mass`
what variety is left  `variance`, `generalised_variance`, `effective_rank`, `heterozygosity`, `entropy`,
                      `differential_entropy`
how different         `kl`, `total_variation`, `hellinger`
how far               `w2_squared`, `l2_squared`
how likely            `nll`, `cross_entropy`
who is lost first     `minority_survival`, `minority_half_life`, `minority_lost`, `minority_parity`
====================  ======================================================================================

The truth is generation 0. Where real rows are the truth, `tail_mass` takes its thresholds from the rows; everything
else compares with generation 0, the model fitted to all of them.
"""

from modelcollapse.metrics.distance import l2_squared, w2_squared
from modelcollapse.metrics.divergence import hellinger, kl, total_variation
from modelcollapse.metrics.likelihood import cross_entropy, nll
from modelcollapse.metrics.minority import minority_half_life, minority_lost, minority_parity, minority_survival
from modelcollapse.metrics.spread import (
    differential_entropy,
    effective_rank,
    entropy,
    generalised_variance,
    heterozygosity,
    variance,
)
from modelcollapse.metrics.tails import missing_mass, support, survival, tail_mass

__all__ = [
    "cross_entropy",
    "differential_entropy",
    "effective_rank",
    "entropy",
    "generalised_variance",
    "hellinger",
    "heterozygosity",
    "kl",
    "l2_squared",
    "minority_half_life",
    "minority_lost",
    "minority_parity",
    "minority_survival",
    "missing_mass",
    "nll",
    "support",
    "survival",
    "tail_mass",
    "total_variation",
    "variance",
    "w2_squared",
]
