"""Metrics and simulation agree on what a run holds."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from modelcollapse import families, metrics, regimes

COLUMNS = np.array([[0.1, 2.0], [0.5, 1.1], [-0.7, 0.2], [1.9, 3.3], [0.4, -0.8], [-1.2, 0.9]])
TRUTHS = {
    "scalar": lambda: families.Gaussian(0.0, 2.0, estimator="mle"),
    "vector": lambda: families.Gaussian([0.0, 1.0], [[2.0, 0.5], [0.5, 1.0]], estimator="unbiased"),
    "categories": lambda: families.Categorical([0.5, 0.3, 0.15, 0.05], labels=["1", "2", "4", "8"]),
    "mixture": lambda: families.GaussianMixture([0.4, 0.6], [[-1.0], [1.0]], [[[0.3]], [[0.5]]]),
    "rows": lambda: families.Empirical(COLUMNS, families.Gaussian.from_data(COLUMNS, estimator="mle")),
    "bootstrap": lambda: families.Empirical(COLUMNS[:, 0]),
    "columns": lambda: families.Empirical(COLUMNS),
    "cloud": lambda: families.KernelDensity(COLUMNS[:, 0], 0.3, record=6),
    "clouds": lambda: families.Empirical(COLUMNS, families.KernelDensity(COLUMNS, "silverman", record=6)),
    "counts": lambda: families.Poisson(0.4),
    "waiting times": lambda: families.Exponential(3.0),
}
#: what each kind of run has no answer for
REFUSED = {
    "Gaussian": {"entropy", "heterozygosity", "survival", "support", "missing_mass"},
    "GaussianMixture": {"entropy", "heterozygosity", "cross_entropy"},
    "Categorical": {"differential_entropy", "effective_rank", "generalised_variance"},
    "KernelDensity": set(metrics.__all__) - {"variance"},
    "Poisson": set(metrics.__all__) - {"variance", "survival"},
    "Exponential": set(metrics.__all__) - {"variance"},
}


@pytest.fixture(scope="module", params=TRUTHS)
def run(request):
    from modelcollapse.simulate import simulate

    truth = TRUTHS[request.param]()
    n = 6 if "Empirical" in type(truth).__name__ else 40
    return simulate(truth, regimes.Replace(n=n), generations=3, replicates=4, rng=1)


@pytest.mark.parametrize("name", [name for name in metrics.__all__ if not name.startswith("minority_")])
def test_every_metric_answers_or_says_why_not(run, name):
    metric = getattr(metrics, name)
    options = {"quantile": 0.4} if name == "tail_mass" else {}
    if name in ("variance", "w2_squared") and "column" in run.dims:
        options = {"positions": run["rows"].values[:, 0]}
    if name in REFUSED[run.attrs["family"]]:
        message = rf"run must hold .* models for {name} \(.*\), got {run.attrs['family']}; "
        with pytest.raises(ValueError, match=message):
            metric(run, **options)
        return
    out = metric(run, **options)
    assert not np.isnan(out.values).any()
    assert out.name == name
    assert out.attrs["kind"] in ("closed form", "from samples", "quadrature")
    assert ("samples" in out.attrs) == (out.attrs["kind"] == "from samples")
    assert out.attrs["reference"]
    assert out.attrs["long_name"].endswith(")")
    assert out.dims[:2] == (("generation", "sample") if name == "nll" else ("replicate", "generation"))
    assert (out["generation"].values == run["generation"].values).all()


def test_variance_is_that_of_the_points_a_model_draws(run):
    if run.attrs["family"] not in ("KernelDensity", "Poisson", "Exponential"):
        return
    points = families.model(run, 0, 2).sample(200_000, np.random.default_rng(4))
    found = metrics.variance(run)
    assert_allclose(found[0, 2], points.var(axis=0), rtol=0.05)
    assert_allclose(np.log(found), metrics.variance(run, log=True))


def test_survival_of_a_poisson_law():
    from modelcollapse.simulate import simulate

    run = simulate(families.Poisson(0.1), regimes.Replace(n=5), generations=4, replicates=50, rng=1)
    found = metrics.survival(run)
    assert_allclose(found, run["rate"] > 0)
    assert 0 < found.values[:, 1:].mean() < 1


def test_nll_is_that_of_generation_zero(run):
    if "nll" in REFUSED[run.attrs["family"]]:
        return
    fitted = families.model(run, 0, 0)
    points = fitted.sample(20000, np.random.default_rng(2))
    surprise = -(fitted.logpmf if fitted.kind == "Categorical" else fitted.logpdf)(points)
    out = metrics.nll(run, generations=[0], samples=20000, rng=3).values[0]
    error = np.hypot(surprise.std(), out.std()) / np.sqrt(20000)
    assert abs(out.mean() - surprise.mean()) < 6 * error + 1e-12


def test_a_stored_run_measures_the_same(run, tmp_path):
    xr = pytest.importorskip("xarray")
    try:
        run.to_netcdf(tmp_path / "run.nc")
    except (ValueError, ImportError):
        pytest.skip("no netCDF backend")
    back = xr.load_dataset(tmp_path / "run.nc")
    assert back.attrs["family"] == run.attrs["family"]
    if "tail_mass" in REFUSED[run.attrs["family"]]:
        assert_allclose(metrics.variance(back), metrics.variance(run))
        return
    assert_allclose(metrics.tail_mass(back, quantile=0.4), metrics.tail_mass(run, quantile=0.4))
