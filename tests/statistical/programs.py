"""Programs under test, and what is wrong with their mutants."""

import dataclasses
import importlib
from dataclasses import dataclass

import numpy as np
from scipy import special

import modelcollapse as mc

# the function of the same name hides the module
engines = importlib.import_module("modelcollapse.simulate")


def chains(family, regime, generations, value=lambda run: run):
    """A program: draw(size, rng) -> value of a run with `size` replicates."""
    return lambda size, rng: value(mc.simulate(family, regime, generations=generations, replicates=size, rng=rng))


def block(engine, family, regime, generations, value=lambda out: out):
    """A program: one engine alone; arrays start at generation 1."""

    def draw(size, rng):
        model, rows, plan = engines.prepare(family, regime, generations, size)
        return value(engine(model, rows, plan, size, rng))

    return draw


def last(name):
    """Variable of the last generation, (replicate, ...)."""
    return lambda run: run[name].isel(generation=-1).values


def pvalue_chi_square(total, degrees):
    """Test a sum of squares; exact."""
    below, above = special.chdtr(degrees, total), special.chdtrc(degrees, total)
    return np.minimum(1.0, 2 * np.minimum(below, above))


@dataclass(frozen=True)
class ForgetsReal(mc.Accumulate):
    """Accumulate that drops the real points as soon as there are synthetic ones."""

    def plan(self, generations):
        right = super().plan(generations)
        t = np.arange(1, generations + 1)
        return dataclasses.replace(right, oldest=np.minimum(t, 2))


@dataclass(frozen=True)
class NoPin(mc.FixedReal):
    """Fixed real points that are replaced by new ones in every generation."""

    def plan(self, generations):
        right = super().plan(generations)
        later = np.arange(generations) > 0
        return dataclasses.replace(right, real=right.real + later * self.n_real, pinned=0)


@dataclass(frozen=True)
class Late(mc.Replace):
    """One real fit more than there should be: generations counted from 0."""

    def plan(self, generations):
        right = super().plan(generations)
        real, synthetic = right.real.copy(), right.synthetic.copy()
        if generations > 1:
            real[1], synthetic[1] = right.batch[1], 0
        return dataclasses.replace(right, real=real, synthetic=synthetic)
