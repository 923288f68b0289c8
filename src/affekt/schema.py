"""The one schema of files, CLI, HTTP and store: what `Timeline.to_dict` gives."""

from typing import Any

from affekt.results import MODALITIES


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `Timeline.to_dict` gives: the one schema of files, CLI, HTTP and store."""
    number, text, flag = {"type": "number"}, {"type": "string"}, {"type": "boolean"}
    maybe_text = {"type": ["string", "null"]}
    score = {"type": "number", "minimum": 0, "maximum": 1}
    maybe_score = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
    dimension = {"type": ["number", "null"], "minimum": -1, "maximum": 1}
    reading = {
        "modality": {"enum": list(MODALITIES)},
        "who": maybe_text,
        "start": number,
        "end": number,
        "span": {"type": ["array", "null"], "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        "labels": text,
        "single": flag,
        "scores": {"type": "object", "additionalProperties": score},
        "top": maybe_text,
        "present": {"type": "array", "items": text},
        "confidence": score,
        "abstained": flag,
        "reason": maybe_text,
        "valence": dimension,
        "arousal": dimension,
        "dominance": dimension,
        "model": text,
        "heard": {"type": ["integer", "null"], "minimum": 0},
        "provisional": {"type": "boolean"},
        "box": {"type": ["array", "null"], "items": number, "minItems": 4, "maxItems": 4},
        "clarity": maybe_score,
        "spread": {"type": ["array", "null"], "items": {"type": "number", "minimum": 0}, "minItems": 3, "maxItems": 3},
        "shares": {"type": ["object", "null"], "additionalProperties": score},
        "disagreement": maybe_score,
        "between": {"type": ["array", "null"], "items": {"enum": list(MODALITIES)}, "minItems": 2, "maxItems": 2},
        "words": maybe_text,
    }
    event = {"label": text, "who": maybe_text, "onset": number, "apex": number, "offset": number, "score": score}
    mark = {"time": {"type": "number", "minimum": 0}, "note": text}
    readings = {"type": "array", "items": {"$ref": "#/$defs/reading"}}
    timeline = {
        "source": text,
        "duration": number,
        "unit": {"enum": ["characters", "seconds"]},
        "labels": text,
        "people": {"type": "array", "items": text},
        "transcript": maybe_text,
        "readings": readings,
        "fused": readings,
        "warnings": {"type": "array", "items": text},
        "events": {"type": "array", "items": {"$ref": "#/$defs/event"}},
        "marks": {"type": "array", "items": {"$ref": "#/$defs/mark"}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Timeline",
        **_object(timeline),
        "$defs": {"reading": _object(reading), "event": _object(event), "mark": _object(mark)},
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
