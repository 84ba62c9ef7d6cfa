import pytest
from hypothesis import HealthCheck, settings

# What a machine with other work takes for an example says nothing about the example.
settings.register_profile(
    "meetlog", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("meetlog")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
