"""Both compositions of the model, small and seeded."""

import pytest

from tests.model.small_models import COMPOSITIONS, build


@pytest.fixture(scope="module", params=COMPOSITIONS)
def model(request):
    """Not to be changed by a test."""
    return build(COMPOSITIONS[request.param]())


@pytest.fixture(params=COMPOSITIONS)
def config(request):
    return COMPOSITIONS[request.param]()
