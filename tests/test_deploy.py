"""What is deployed is what there is: files parse, and name only settings, paths and commands that exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter

from affekt.server.app import ROUTERS
from affekt.settings import ServerSettings

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[1]
FILES = [ROOT / name for name in ("Dockerfile", "compose.yaml", "deploy/kubernetes.yaml", "deploy/secrets.env.example", "docs/server.md")]
SETTINGS = {f"AFFEKT_{name.upper()}" for name in ServerSettings.model_fields} | {"AFFEKT_CONFIG"}


@pytest.fixture(scope="module")
def kubernetes() -> dict[str, Any]:
    text = (ROOT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8")
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return made


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")


def _routes() -> set[str]:
    routers: tuple[APIRouter, ...] = ROUTERS
    return {route.path for router in routers for route in router.routes}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_only_settings_that_exist_are_named(file: Path) -> None:
    named = set(re.findall(r"AFFEKT_[A-Z_]+[A-Z]", file.read_text(encoding="utf-8")))
    assert named <= SETTINGS, named - SETTINGS


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_values_are_such_as_the_settings_take(file: Path) -> None:
    for name, value in re.findall(r"AFFEKT_([A-Z_]+)[=:] ?(\S+)", file.read_text(encoding="utf-8")):
        if name != "CONFIG" and '"' not in value and "`" not in value:
            ServerSettings(**{name.lower(): value.rstrip("\\")})


def test_probes_ask_routes_that_exist(kubernetes: dict[str, Any], dockerfile: str) -> None:
    (container,) = kubernetes["Deployment"]["spec"]["template"]["spec"]["containers"]
    probes = {name: one["httpGet"] for name, one in container.items() if name.endswith("Probe")}
    assert {one["path"] for one in probes.values()} <= _routes() and len(probes) == 3
    assert re.search(r"HEALTHCHECK .*127\.0\.0\.1:8700/readyz", dockerfile) and "/readyz" in _routes()


def test_all_listen_on_the_same_port(kubernetes: dict[str, Any], compose: dict[str, Any], dockerfile: str) -> None:
    (container,) = kubernetes["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert "AFFEKT_PORT=8700" in dockerfile and "EXPOSE 8700" in dockerfile
    assert [port["containerPort"] for port in container["ports"]] == [8700]
    assert compose["services"]["affekt"]["ports"] == ["127.0.0.1:8700:8700"]


def test_nobody_runs_as_root_and_the_root_file_system_may_be_read_only(
    kubernetes: dict[str, Any], compose: dict[str, Any], dockerfile: str
) -> None:
    built, last = dockerfile.split("\nFROM ")[-2:]
    assert "pip install" not in last and "AS build" in built
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    pod = kubernetes["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10001
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}
    server = compose["services"]["affekt"]
    assert server["read_only"] and server["tmpfs"] == "/tmp" and server["volumes"] == ["folder:/data"]


def test_what_was_accepted_has_time_to_finish(kubernetes: dict[str, Any], compose: dict[str, Any]) -> None:
    from affekt.cli.serve import GRACE

    assert kubernetes["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > GRACE
    assert int(compose["services"]["affekt"]["stop_grace_period"].removesuffix("s")) > GRACE


def test_no_secret_stands_in_what_goes_into_a_repository(kubernetes: dict[str, Any], compose: dict[str, Any]) -> None:
    assert "Secret" not in kubernetes
    assert not any("PASSWORD" in name or "DATABASE" in name for name in compose["services"]["affekt"]["environment"])
    given = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / "deploy" / "secrets.env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert f":{given['POSTGRES_PASSWORD']}@database/affekt" in given["AFFEKT_DATABASE"]  # the service of compose.yaml
    assert "database" in compose["services"] and "deploy/secrets.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_the_image_gets_the_package_and_nothing_else(dockerfile: str) -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")]
    copied = [word for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE) for word in shlex.split(line)[:-1]]
    assert sorted(sent) == sorted(copied) and all((ROOT / name).exists() for name in copied)
    extras = re.search(r"ARG EXTRAS=(\S+)", dockerfile)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert extras and all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in extras[1].split(","))


def test_make_run_starts_the_server_with_the_extras_that_it_needs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^run: .*\n\t\$\(BIN\)/affekt serve$", makefile, re.MULTILINE)
    assert "'.[speech,face]'" in makefile


def test_routes_that_the_page_on_the_server_names_exist() -> None:
    page = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    named = set(re.findall(r"/v[01]/[\w/{}]+|/(?:healthz|readyz|metrics)\b", page))
    assert named and named <= _routes(), named - _routes()


def test_metrics_that_the_page_on_the_server_names_exist() -> None:
    from affekt.server.metrics import make_metrics

    page = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    known = {
        sample for family in make_metrics().registry.collect() for sample in (family.name, f"{family.name}_total", f"{family.name}_bucket")
    }
    named = set(re.findall(r"\baffekt_(?!…)[a-z_]+", page))
    assert named and named <= known, named - known
