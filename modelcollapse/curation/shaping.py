"""What is sampled from in place of the model: sharper, flatter, narrower, or without its tail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.curation.moments import Curation

__all__ = ["SamplingBias", "Temperature", "TopK", "TopP"]


@dataclass(frozen=True)
class _Shaping(Curation):
    """A curation that changes the law that is sampled from, and reads no points."""

    selects: ClassVar[bool] = False
    needs: ClassVar[str]
    families: ClassVar[str]

    def check(self, model, least: int):
        """Refuse a family whose law cannot be changed so."""
        if not hasattr(model, self.needs):
            raise ValueError(f"curation {self} must be used with {self.families}, got a {model.kind}.")


@dataclass(frozen=True)
class Temperature(_Shaping):
    r"""Sample from :math:`p^{1/\tau}`, normalised: sharper than the model below 1, flatter above.

    A Gaussian's covariance is multiplied by the temperature, the mean of an Exponential too; the probabilities of a
    Categorical are raised to the power 1 / temperature.

    Parameters
    ----------
    temperature : float
        > 0; 1 is the model itself.

    Examples
    --------
    >>> from modelcollapse.families import Categorical
    >>> Temperature(0.5).shape(Categorical([0.75, 0.25])).probabilities
    array([0.9, 0.1])
    """

    temperature: float

    needs: ClassVar[str] = "tempered"
    families: ClassVar[str] = "a Gaussian, an Exponential or a Categorical"

    def __post_init__(self):
        object.__setattr__(self, "temperature", check.number("temperature", self.temperature, above=0))

    def shape(self, model):
        """Return the model at this temperature."""
        return model.tempered(self.temperature)


@dataclass(frozen=True)
class SamplingBias(_Shaping):
    r"""Sample from the model with its covariance multiplied by `bias`: quality before diversity.

    The sampling bias :math:`\lambda` of Alemohammad et al. (arXiv 2307.01850): :math:`N(\mu, \lambda\Sigma)`.

    Parameters
    ----------
    bias : float
        > 0; below 1 the synthetic points are closer to the mean than the model's own.
    """

    bias: float

    needs: ClassVar[str] = "biased"
    families: ClassVar[str] = "a Gaussian or a GaussianMixture"

    def __post_init__(self):
        object.__setattr__(self, "bias", check.number("bias", self.bias, above=0))

    def shape(self, model):
        """Return the model with its covariances multiplied."""
        return model.biased(self.bias)


@dataclass(frozen=True)
class _Cut(_Shaping):
    needs: ClassVar[str] = "with_probabilities"
    families: ClassVar[str] = "a Categorical"


@dataclass(frozen=True)
class TopK(_Cut):
    """Sample from the `k` commonest categories alone, in proportion; of equally common ones the first.

    Parameters
    ----------
    k : int
        >= 1.

    Examples
    --------
    >>> from modelcollapse.families import Categorical
    >>> TopK(2).shape(Categorical([0.5, 0.2, 0.3])).probabilities
    array([0.625, 0.   , 0.375])
    """

    k: int

    def __post_init__(self):
        object.__setattr__(self, "k", check.integer("k", self.k, least=1, because="something must be left to sample"))

    def check(self, model, least: int):
        """Refuse more categories than there are."""
        super().check(model, least)
        if self.k > len(model.probabilities):
            raise ValueError(
                f"k must be <= {len(model.probabilities)}, the number of categories (TopK with all of them does "
                f"nothing), got {self.k}."
            )

    def shape(self, model):
        """Return the model without its rarer categories."""
        p = model.probabilities
        kept = np.argsort(-p, kind="stable")[: self.k]
        out = np.zeros_like(p)
        out[kept] = p[kept]
        return model.with_probabilities(out / out.sum())


@dataclass(frozen=True)
class TopP(_Cut):
    """Sample from the smallest set of commonest categories whose probabilities add up to at least `p` (nucleus).

    Parameters
    ----------
    p : float
        In (0, 1]; 1 keeps everything.

    Examples
    --------
    >>> from modelcollapse.families import Categorical
    >>> TopP(0.7).shape(Categorical([0.5, 0.2, 0.3])).probabilities
    array([0.625, 0.   , 0.375])
    """

    p: float

    def __post_init__(self):
        object.__setattr__(self, "p", check.number("p", self.p, above=0, most=1))

    def shape(self, model):
        """Return the model without its tail."""
        p = model.probabilities
        order = np.argsort(-p, kind="stable")
        # rounding of the sum must not push out, or take in, a category that ends exactly at p
        size = 1 + int(np.searchsorted(np.cumsum(p[order]), self.p * (1 - 1e-12)))
        out = np.zeros_like(p)
        out[order[:size]] = p[order[:size]]
        return model.with_probabilities(out / out.sum())
