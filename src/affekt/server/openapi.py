"""What `/openapi.json` says: all routes with who may call them and an example, the one schema of timelines, the form of all problems."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from affekt.schema import json_schema
from affekt.server.problems import MEDIA_TYPE

KEY = {"type": "http", "scheme": "bearer", "description": "a key, as affekt_…; without one where the server is open, see docs/server.md"}
UNUSED = ("HTTPValidationError", "ValidationError")  # of FastAPI; errors here are problems


def describe(app: FastAPI, *, routers: Iterable[APIRouter], models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """The description of an app, made when it is first asked for.

    Args:
        routers: of all its routes.
        models: of bodies that FastAPI does not read by itself.
    """
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        parts = made.setdefault("components", {})
        schemas = {name: one for name, one in parts.get("schemas", {}).items() if name not in UNUSED}
        for model in models:
            whole = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= whole.pop("$defs", {}) | {model.__name__: whole}
        parts["schemas"] = schemas | _timeline_schemas()
        parts["securitySchemes"] = {"key": KEY}
        roles = dict(_roles(routers))
        for path, operations in made["paths"].items():
            for method, operation in operations.items():
                _complete(operation, method=method, path=path, role=roles.get((method, path)))
        app.openapi_schema = made
    return app.openapi_schema


def _complete(operation: dict[str, Any], *, method: str, path: str, role: str | None) -> None:
    operation["summary"] = re.split(r"[.:;]\s| \(", operation["description"].partition("\n")[0] + " ")[0].strip()
    problem = {"description": "a problem", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    answers = {code: one for code, one in operation["responses"].items() if code != "422"}
    operation["responses"] = {"default": problem} | answers
    if role is not None:
        operation["security"] = [{"key": []}]
        operation["description"] = f"{operation['description']}\n\nNeeds a key of the role {role}."
    example = _examples().get(f"{method.upper()} {path}", {})
    answer: dict[str, Any] = next((one for code, one in answers.items() if code.startswith("2")), {})
    for name, part in (("asked", operation.get("requestBody", {})), ("answered", answer)):
        if name in example and (forms := part.get("content", {})):
            text = isinstance(example[name], str)  # one of the forms that are no JSON, where there are several
            kind = next((kind for kind in forms if text == (kind != "application/json")), next(iter(forms)))
            forms[kind].setdefault("example", example[name])


@cache
def _examples() -> dict[str, dict[str, Any]]:
    """What `python docs/examples.py` wrote."""
    found: dict[str, dict[str, Any]] = json.loads((files("affekt.server") / "examples.json").read_text(encoding="utf-8"))
    return found


def _roles(routers: Iterable[APIRouter]) -> Iterator[tuple[tuple[str, str], str]]:
    """Method and path of each route that needs a key, and the role."""
    for route in (one for router in routers for one in router.routes):
        if isinstance(route, APIRoute):
            roles = [role for one in route.dependant.dependencies if (role := getattr(one.call, "needs", None))]
            yield from (((method.lower(), route.path), role) for method in route.methods or () for role in roles[:1])


def _timeline_schemas() -> dict[str, Any]:
    whole = _renamed(json_schema())
    parts = whole.pop("$defs")
    whole.pop("$schema")
    members = {"type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}}
    problem = {"type": "object", "description": "RFC 9457", "required": list(members), "properties": members}
    return {"Timeline": whole, "Reading": parts["reading"], "Event": parts["event"], "Mark": parts["mark"], "Problem": problem}


def _renamed(schema: Any) -> Any:
    """A schema whose references lead to where OpenAPI keeps schemas."""
    if isinstance(schema, dict):
        return {
            name: f"#/components/schemas/{value.rpartition('/')[2].capitalize()}" if name == "$ref" else _renamed(value)
            for name, value in schema.items()
        }
    return [_renamed(one) for one in schema] if isinstance(schema, list) else schema
