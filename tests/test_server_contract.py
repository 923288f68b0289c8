"""The server keeps to the description that it gives of itself, whatever is sent to it."""

from collections.abc import Iterator
from typing import Any

import pytest

from affekt.server.app import make_app
from affekt.settings import resolve_server
from streaming import serving

schemathesis: Any = pytest.importorskip("schemathesis")

from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
EXAMPLES = 25  # of each route


def operations() -> list[Any]:
    """All routes, as the server describes them."""
    described = schemathesis.openapi.from_dict(make_app(resolve_server()).openapi())
    return [found.ok() for found in described.get_all_operations()]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("server"), keep_text_days=1, job_workers=1) as running:
        yield running.url.replace("ws://", "http://")


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: str(operation.label))
def test_every_route_answers_as_it_says(operation: Any, url: str) -> None:
    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    def check(case: Any) -> None:
        case.call_and_validate(base_url=url, checks=CHECKS, timeout=30)

    check()
