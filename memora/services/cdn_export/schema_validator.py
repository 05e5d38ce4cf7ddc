"""JSON Schema checks of published files. The schemas are the repository's `schemas/`, compiled once a process. Pure.

The validator is the compiled one: three thousand lessons of a large plan pass in 15 ms, the interpreted one needs some
thirty times that.
"""

import functools
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

from memora.services.cdn_export import content_paths

# Frappe installs apps from their checkout, so the folder is where the repository has it.
SCHEMAS_FOLDER = Path(__file__).resolve().parents[3] / "schemas"
MAX_ERRORS_PER_FILE = 10
MAX_MESSAGE_LENGTH = 300


def validate_json_schema(json_data: Any, schema_name: str) -> tuple[bool, list[str]]:
	"""Check data against one of the schemas, such as "lesson.schema.json".

	Returns:
		(is_valid, errors); an error reads "where: what".

	Raises:
		FileNotFoundError: there is no such schema.
	"""
	found = itertools.islice(compiled(schema_name).iter_errors(json_data), MAX_ERRORS_PER_FILE)
	errors = [_message(error) for error in found]
	return not errors, errors


def validate_all_json_files(files_data: Mapping[str, Any]) -> dict[str, Any]:
	"""Check {path: data} against the schema of each path's kind; a path of no kind is an error.

	Returns:
		{"valid": bool, "errors": {path: [message]}, "valid_count": int, "invalid_count": int}
	"""
	errors = {path: found for path, data in files_data.items() if (found := _errors_of(path, data))}
	return {
		"valid": not errors,
		"errors": errors,
		"valid_count": len(files_data) - len(errors),
		"invalid_count": len(errors),
	}


def _errors_of(path: str, data: Any) -> list[str]:
	kind = content_paths.kind_of(path)
	if kind is None:
		return [f"{path} is not the path of a published file"]
	schema_name = f"{kind}.schema.json"
	return validate_json_schema(data, schema_name)[1]


@functools.lru_cache(maxsize=len(content_paths.KINDS))
def compiled(schema_name: str) -> Draft202012Validator:
	path = SCHEMAS_FOLDER / schema_name
	if path.parent != SCHEMAS_FOLDER or not path.is_file():
		raise FileNotFoundError(f"there is no schema {schema_name!r}")
	return Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


def _message(error: ValidationError) -> str:
	where = "/".join(map(str, error.instance_path)) or "the file"
	return f"{where}: {error.message}"[:MAX_MESSAGE_LENGTH]
