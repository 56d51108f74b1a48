"""Runs written down by hand, so that no metric is tested through the simulation it is to judge."""

import zlib

import numpy as np
import pytest
import xarray as xr
from hypothesis import strategies as st

CHAIN = ("replicate", "generation")


def dataset(variables, attrs, coords=None, rows=None):
    shape = next(iter(variables.values()))[1].shape
    data = {name: ((*CHAIN, *dims), value) for name, (dims, value) in variables.items()}
    if rows is not None:
        data["rows"] = (("row", "column")[: np.ndim(rows)], np.asarray(rows))
        attrs = {**attrs, "truth": "rows"}
    labels = {"replicate": np.arange(shape[0]), "generation": np.arange(shape[1]), **(coords or {})}
    return xr.Dataset(data, labels, {"truth": "model", **attrs})


def scalar(mean, log_variance, **options):
    """Scalar Gaussian models; one chain from a flat list."""
    mean, log_variance = (np.atleast_2d(np.asarray(a, dtype=float)) for a in (mean, log_variance))
    attrs = {"family": "Gaussian", "family_options": '{"estimator": "mle"}'}
    return dataset({"mean": ((), mean), "log_variance": ((), log_variance)}, attrs, **options)


def vector(mean, cov, **options):
    """Gaussian models of d dimensions from (.., d) and (.., d, d)."""
    mean, cov = np.asarray(mean, dtype=float), np.asarray(cov, dtype=float)
    if mean.ndim == 2:
        mean, cov = mean[None], cov[None]
    with np.errstate(divide="ignore"):
        log_variance = np.log(np.diagonal(cov, axis1=-2, axis2=-1))
    attrs = {"family": "Gaussian", "family_options": '{"estimator": "mle"}'}
    d = mean.shape[-1]
    return dataset(
        {
            "mean": (("dim",), mean),
            "cov": (("dim", "dim_"), cov),
            "log_variance": (("dim",), log_variance),
            "log_det": ((), np.linalg.slogdet(cov)[1]),
        },
        attrs,
        {"dim": np.arange(d), "dim_": np.arange(d)},
        **options,
    )


def mixture(weight, mean, cov, **options):
    """Mixtures from (.., component), (.., component, dim), (.., component, dim, dim)."""
    weight, mean, cov = (np.asarray(a, dtype=float) for a in (weight, mean, cov))
    if weight.ndim == 2:
        weight, mean, cov = weight[None], mean[None], cov[None]
    K, d = mean.shape[-2:]
    return dataset(
        {
            "weight": (("component",), weight),
            "mean": (("component", "dim"), mean),
            "cov": (("component", "dim", "dim_"), cov),
        },
        {"family": "GaussianMixture"},
        {"component": np.arange(K), "dim": np.arange(d), "dim_": np.arange(d)},
        **options,
    )


def categorical(p, labels=None, bootstrap=False, **options):
    """Categorical models from (.., category)."""
    p = np.asarray(p, dtype=float)
    p = p[None] if p.ndim == 2 else p
    attrs = {"family": "Categorical", "family_options": "{}"} | ({"bootstrap": 1} if bootstrap else {})
    coords = {"category": np.arange(p.shape[-1]) if labels is None else np.array(labels)}
    return dataset({"probability": (("category",), p)}, attrs, coords, **options)


@st.composite
def tables(draw):
    """Probability tables (generation, category) in which the truth has every category and later models may not."""
    K, T = draw(st.integers(2, 6)), draw(st.integers(1, 4))
    rows = [
        draw(st.lists(st.integers(1 if t == 0 else 0, 20), min_size=K, max_size=K).filter(any)) for t in range(T + 1)
    ]
    table = np.array(rows, dtype=float)
    return table / table.sum(1, keepdims=True)


class Make:
    """The builders and the strategy, handed out as one fixture."""

    scalar, vector, mixture, categorical = (staticmethod(f) for f in (scalar, vector, mixture, categorical))
    tables = staticmethod(tables)


@pytest.fixture(scope="session")
def make():
    return Make


@pytest.fixture(scope="session")
def two_mixtures():
    """A truth and a later model, two components in one dimension."""
    return mixture(
        [[0.3, 0.7], [0.45, 0.55]], [[[-2.0], [1.0]], [[-1.5], [1.2]]], [[[[0.5]], [[1.0]]], [[[0.7]], [[0.6]]]]
    )


@pytest.fixture(scope="session")
def plane():
    """Three models of three dimensions; the truth is not diagonal."""
    gen = np.random.default_rng(zlib.crc32(b"plane"))
    root = gen.standard_normal((3, 3, 3)) * 0.5 + np.eye(3)
    return vector(gen.standard_normal((3, 3)), root @ root.swapaxes(-1, -2))
