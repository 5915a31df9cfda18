"""The description at `/openapi.json`: it is OpenAPI 3.1, and nothing that is served is missing."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

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
