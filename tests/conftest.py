"""What all tests share: warnings are errors (pyproject.toml), one root seed, two Hypothesis profiles."""

import os

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
