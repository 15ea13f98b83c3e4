from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.providers.breaker import forget_failures
from tests.wire.server import WireServer


@pytest.fixture(scope="package")
def running_server() -> Iterator[WireServer]:
    with WireServer() as running:
        yield running


@pytest.fixture
def server(running_server: WireServer) -> WireServer:
    """One server for all tests, as good as new for each: starting one takes longer than most of them."""
    running_server.reset()
    return running_server


@pytest.fixture(autouse=True)
def no_breaker_from_before() -> Iterator[None]:
    """Servers of tests come and go on the same ports; what one of them did is not the next one's fault."""
    forget_failures()
    yield
    forget_failures()
