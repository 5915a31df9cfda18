"""The description at `/openapi.json`: it is OpenAPI 3.1, and nothing that is served is missing."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

from gateway.access import Access
from tests.gateway.harness import Gateway


@pytest.fixture
async def description(gateway: Gateway) -> dict[str, Any]:
    _, body = await gateway.ask("GET", "/openapi.json")
    return dict(body)


def references(value: Any) -> Iterator[str]:
    """Every `$ref` inside."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "$ref":
                yield part
            else:
                yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


async def test_every_route_is_described(gateway: Gateway, description: dict[str, Any]) -> None:
    served = {
        (route.resource.canonical, route.method.lower())
        for route in gateway.app.router.routes()
        if route.resource is not None and route.method != "HEAD" and not is_file(route.resource.canonical)
    }
    described = {(path, method) for path, operations in description["paths"].items() for method in operations}
    assert served == described


def is_file(path: str) -> bool:
    """Whether it is a file of the built page."""
    return path.startswith("/assets") or "." in path.rpartition("/")[2].replace("openapi.json", "")


async def test_it_is_openapi_as_its_specification_wants_it(description: dict[str, Any]) -> None:
    assert re.fullmatch(r"3\.1\.\d+", description["openapi"])
    assert description["info"]["title"]
    assert description["info"]["version"]
    names = []
    for path, operations in description["paths"].items():
        assert path.startswith("/")
        placed = set(re.findall(r"{(\w+)}", path))
        for method, operation in operations.items():
            assert method in ("get", "post", "delete")
            names.append(operation["operationId"])
            parameters = operation.get("parameters", [])
            assert {p["name"] for p in parameters if p["in"] == "path"} == placed
            assert all(p.get("required") for p in parameters if p["in"] == "path")
            assert len({(p["in"], p["name"]) for p in parameters}) == len(parameters)
            assert operation["responses"]
            for status, response in operation["responses"].items():
                assert re.fullmatch(r"[1-5]\d\d", status)
                assert response["description"]
    assert len(set(names)) == len(names)


async def test_it_keeps_to_the_schema_of_openapi(description: dict[str, Any]) -> None:
    schemathesis.openapi.from_dict(description).validate()


async def test_each_operation_says_what_it_does(description: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in description["tags"]}
    for operations in description["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["description"]
            assert set(operation["tags"]) <= tags
            for parameter in operation.get("parameters", []):
                assert parameter["in"] == "path" or parameter["description"], parameter


async def test_an_example_is_as_its_schema_wants_it(description: dict[str, Any]) -> None:
    """What a page about the interface shows can be sent."""
    seen = 0
    for model in description["components"]["schemas"].values():
        for schema in (model, *model.get("properties", {}).values()):
            for example in schema.get("examples", ()):
                jsonschema_rs.validate({**schema, "components": description["components"]}, example)
                seen += 1
    assert seen > 5


async def test_keys_are_asked_for_where_the_gateway_asks_for_them(gateway: Gateway) -> None:
    _, open_to_all = await gateway.ask("GET", "/openapi.json")
    assert open_to_all["security"] == []
    async with Gateway(
        Access({"ann": "the key of ann, long"}, open_to_all=True, hosts=frozenset())
    ) as guarded:
        _, asking = await guarded.ask("GET", "/openapi.json")
    assert asking["security"] == [{"key": []}]
    assert asking["paths"]["/health"]["get"]["security"] == []
    assert "security" not in asking["paths"]["/v1/audio/speech"]["post"]


async def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    found = set(references(description))
    assert found
    for reference in found:
        place: Any = description
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place


async def test_problems_and_keys_are_described(description: dict[str, Any]) -> None:
    make = description["paths"]["/api/mas/voice/duplex/session"]["post"]
    problem = make["responses"]["503"]["content"]["application/problem+json"]["schema"]
    assert problem == {"$ref": "#/components/schemas/Problem"}
    assert description["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


async def test_whoever_is_to_come_again_is_told_when(description: dict[str, Any]) -> None:
    for operations in description["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                is_problem = "application/problem+json" in response.get("content", {})
                waits = is_problem and status in ("429", "503")
                assert ("Retry-After" in response.get("headers", {})) == waits, (operation, status)
