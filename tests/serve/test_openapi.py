"""Requests that nobody would think of, made from the server's own description."""

import schemathesis
from hypothesis import HealthCheck, given, settings

# Imported here and not while the server's threads run: Python 3.11 may then fail to parse it.
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.serve.conftest import MODEL

SETTINGS = settings(
    max_examples=15,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def statuses_of(operation, url) -> set[int]:
    """What many odd requests to one route are answered with."""
    statuses = set()

    @SETTINGS
    @given(operation.as_strategy())
    def check(case):
        if isinstance(case.body, dict) and "model" in case.body:
            case.body["model"] = MODEL  # or all of them would end there
        if isinstance(case.body, dict) and isinstance(case.body.get("messages"), list):
            case.body["messages"].append({"role": "user", "content": "What?"})
        response = case.call(base_url=url)
        assert response.status_code < 500, (case.as_curl_command(), response.text)
        statuses.add(response.status_code)

    check()
    return statuses


def test_no_request_of_any_form_is_a_defect(real_server):
    schema = schemathesis.openapi.from_url(f"{real_server}/openapi.json")
    assert isinstance(schema, OpenApiSchema)
    operations = [result.ok() for result in schema.get_all_operations()]
    statuses = {each.label: statuses_of(each, real_server) for each in operations}
    assert {"POST /v1/embeddings", "POST /v1/files", "DELETE /v1/files/{file_id}"} <= set(statuses)
    assert statuses["GET /v1/models"] == {200}
