"""The API's own description: an OpenAPI 3.1 document made from what the answers are made of."""

from typing import Any

import msgspec

from meetlog import __version__
from meetlog.console.answers import ANSWERS, AT, Answer, Parameter
from meetlog.output import Envelope

REF = "#/components/schemas/{name}"


def document(cookie: str = "meetlog-8611") -> dict[str, Any]:
    """The whole document, as JSON has it; `cookie` is what the session's is called here."""
    envelope: Any = Envelope
    kinds = [envelope[answer.item] for answer in ANSWERS]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REF)
    paths = {
        f"/api/{answer.command}": {"get": _operation(answer, schema)}
        for answer, schema in zip(ANSWERS, schemas, strict=True)
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "meetlog",
            "version": __version__,
            "description": "What the reading commands print with --json, word for word. Moments "
            "end in _ns (integer nanoseconds since 1970, UTC), race times in _cs (hundredths).",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": components | {"Problem": _PROBLEM},
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": cookie}},
        },
        "security": [{}, {"session": []}],
    }


_PROBLEM = {
    "title": "Problem",
    "type": "object",
    "properties": {"problem": {"type": "string", "description": "what is wrong, in words"}},
    "required": ["problem"],
}


def _operation(answer: Answer, schema: dict[str, Any]) -> dict[str, Any]:
    problem = {"content": {"application/json": {"schema": {"$ref": REF.format(name="Problem")}}}}
    return {
        "operationId": answer.command,
        "summary": answer.about,
        "parameters": [_parameter(each) for each in (*answer.takes, AT)],
        "responses": {
            "200": {
                "description": f"As `meetlog {answer.command} --json` prints it.",
                "content": {"application/json": {"schema": schema}},
            },
            "400": {"description": "A parameter is missing or makes no sense."} | problem,
            "401": {"description": "From another computer: sign in first."} | problem,
            "404": {"description": "What it names is not there."} | problem,
        },
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if parameter.required:
        schema["minLength"] = 1
    if form := parameter.form:
        schema["pattern"] = f"^(?:{form})$" if parameter.required else f"^(?:{form})?$"
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.about,
        "schema": schema,
    }
