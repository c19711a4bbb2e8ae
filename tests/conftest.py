"""What all tests share."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres import postgres_url

settings.register_profile("thecal", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], database=None)
settings.register_profile("long", settings.get_profile("thecal"), max_examples=1500)
settings.load_profile("thecal")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server on which databases can be made: from its wheel, or one that is named."""
    with postgres_url(os.environ.get("THECAL_TEST_POSTGRES", "")) as url:
        yield url
