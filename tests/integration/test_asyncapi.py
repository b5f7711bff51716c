"""The AsyncAPI document as AsyncAPI's own parser reads it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from core.contracts.schemas import asyncapi
from core.contracts.topics import TOPICS

pytestmark = pytest.mark.node

ERROR = 0  # severities are those of the language server protocol, the worst first


def diagnose(project: Path, document: dict[str, Any]) -> dict[str, Any]:
    parsed = subprocess.run(
        ["node", "asyncapi.mjs"],
        cwd=project,
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(parsed.stdout)
    return answer


def errors(answer: dict[str, Any]) -> list[str]:
    found = [entry for entry in answer["diagnostics"] if entry["severity"] == ERROR]
    return [f"{'.'.join(map(str, entry['path']))}: {entry['message']}" for entry in found]


def test_official_parser_finds_no_error_and_every_topic(node_project: Path) -> None:
    answer = diagnose(node_project, asyncapi())
    assert errors(answer) == []
    assert answer["channels"] == [topic.name for topic in TOPICS]


def test_official_parser_finds_an_operation_without_its_channel(node_project: Path) -> None:
    document = asyncapi()
    del document["channels"]["signals"]
    assert any(
        "operations.receive-signals" in error for error in errors(diagnose(node_project, document))
    )
