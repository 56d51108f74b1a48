"""What all tests share: warnings are errors (pyproject.toml), one root seed, two Hypothesis profiles."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from modelcollapse.testing import ENVIRONMENT, root_seed, stream

# compiling a kernel takes seconds, once: neither a deadline nor a health check on speed means anything here
settings.register_profile(
    "ci", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_report_header(config):
    return f"{ENVIRONMENT}={root_seed()} (set it to a number to repeat a run, or to 'random')"


@pytest.fixture
def rng(request):
    """The stream of this test: made from its name and the root seed."""
    return stream(request.node.nodeid)


@pytest.fixture(scope="session")
def differences(tmp_path_factory):
    """Run a script that ends in np.savez(sys.argv[1], ...) compiled and interpreted; name what is not the same bits."""

    def run(script, *arguments, at_least=1):
        results = []
        for jit in ("0", "1"):
            path = tmp_path_factory.mktemp("bits") / "out.npz"
            environment = {**os.environ, "NUMBA_DISABLE_JIT": jit}
            subprocess.run([sys.executable, "-c", script, str(path), *arguments], check=True, env=environment)
            results.append(dict(np.load(path)))
        compiled, interpreted = results
        assert compiled.keys() == interpreted.keys()
        assert len(compiled) >= at_least
        return [name for name in compiled if not np.array_equal(compiled[name], interpreted[name], equal_nan=True)]

    return run
