"""Clients that generators make from the published documents: they compile under strict settings, and work against the server.

What is generated and compiled lies in build/clients, by a hash of what it is made from; it is made once."""
from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

import workers
from harness import REPOSITORY

SOURCES = pathlib.Path(__file__).parent / "clients"
DOCUMENTS = REPOSITORY / "schemas" / "openapi"
BUILT = REPOSITORY / "build" / "clients"
TOOLS = pathlib.Path(sys.executable).parent  # of the environment that tests/e2e/requirements.txt describes
NODE_TOOLS = SOURCES / "node_modules" / ".bin"
SURFACES = ("groundtruth", "worker")
STEP_DEADLINE_S = 900


def run(*command, cwd: pathlib.Path, **environment: str) -> str:
    """Runs a tool to its end; a failure shows what it said."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=STEP_DEADLINE_S, env={**os.environ, **environment})
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout[-8000:]}"
    return done.stdout


def made(kind: str, make: Callable[[pathlib.Path], None], *sources: str) -> pathlib.Path:
    """The folder that `make` filled for just these documents and sources; one process makes it, others wait for it."""
    digest = hashlib.sha256(kind.encode())
    here = pathlib.Path(__file__)
    for file in (*sorted(DOCUMENTS.glob("*.yaml")), *(SOURCES / name for name in sources), here,
                 here.with_name("requirements.txt")):
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    place = BUILT / f"{kind}-{digest.hexdigest()[:16]}"
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / ".made").exists():
            for old in BUILT.glob(f"{kind}-*"):
                shutil.rmtree(old)
            place.mkdir()
            for surface in SURFACES:
                run(sys.executable, DOCUMENTS / "to_json.py", DOCUMENTS / f"{surface}.yaml", place / f"{surface}.json",
                    cwd=place)
            make(place)
            (place / ".made").touch()
    return place


def openapi_generator(place: pathlib.Path, generator: str, folder: str, **options) -> None:
    """Both documents in one run: most of the time is the start of its virtual machine."""
    configurations = []
    for surface in SURFACES:
        file = place / f"{folder}-{surface}.config.json"
        file.write_text(json.dumps({
            "generatorName": generator, "inputSpec": f"{surface}.json", "outputDir": f"{folder}-{surface}",
            "additionalProperties": {name: value.format(surface=surface) for name, value in options.items()},
            "globalProperties": {"apiTests": False, "modelTests": False, "apiDocs": False, "modelDocs": False}}))
        configurations.append(file.name)
    said = run(TOOLS / "openapi-generator-cli", "batch", *configurations, cwd=place,
               JAVA_TOOL_OPTIONS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    assert "2 generators successfully" in said, said[-8000:]


@pytest.fixture(scope="module")
def settings(server, tmp_path_factory) -> dict[str, str]:
    """What a driver is told: where the server is, and who calls."""
    org, somebody = server.create_account(), workers.make_worker(server)
    try:
        yield {"BASE_URL": f"{server.base_url}/api/v1", "API_KEY": org.api_key,
               "WORKER_TOKEN": somebody.token}
    finally:
        org.close()
        somebody.close()


# Linters

@pytest.fixture(scope="module")
def documents() -> pathlib.Path:
    return made("documents", lambda place: None)


def test_redocly_finds_no_error(documents):
    run(NODE_TOOLS / "redocly", "lint", *(f"{surface}.json" for surface in SURFACES), cwd=documents,
        REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true")


def test_spectral_finds_no_error(documents):
    (documents / "ruleset.yaml").write_text('extends: ["spectral:oas"]\n')
    run(NODE_TOOLS / "spectral", "lint", "--ruleset", "ruleset.yaml", "--fail-severity", "error",
        *(f"{surface}.json" for surface in SURFACES), cwd=documents)


# Clients

def test_openapi_generator_python(settings):
    def make(place: pathlib.Path) -> None:
        openapi_generator(place, "python", "python", packageName="{surface}_client")
        for surface in SURFACES:  # under the settings that the generator itself writes beside the package
            folder = place / f"python-{surface}"
            run(TOOLS / "mypy", "--config-file", "pyproject.toml", "-p", f"{surface}_client", cwd=folder)

    place = made("openapi-generator-python", make)
    run(sys.executable, SOURCES / "drive_openapi_generator.py", cwd=place, **settings,
        PYTHONPATH=os.pathsep.join(str(place / f"python-{surface}") for surface in SURFACES))


def test_openapi_generator_typescript(settings):
    def make(place: pathlib.Path) -> None:
        openapi_generator(place, "typescript-fetch", "ts", supportsES6="true", npmName="{surface}-client")
        shutil.copy(SOURCES / "drive.ts", place)
        (place / "tsconfig.json").write_text(json.dumps({
            "compilerOptions": {"strict": True, "target": "es2022", "module": "commonjs", "moduleResolution": "node10",
                                "esModuleInterop": True,
                                "lib": ["es2022", "dom"], "types": ["node"], "outDir": "js",
                                "typeRoots": [str(SOURCES / "node_modules" / "@types")]},
            "files": ["drive.ts"]}))
        run(NODE_TOOLS / "tsc", "-p", ".", cwd=place)

    run("node", "js/drive.js", cwd=made("openapi-generator-typescript", make, "drive.ts", "package-lock.json"), **settings)


def test_openapi_generator_java(settings):
    libraries = SOURCES / "java" / "lib" / "*"

    def make(place: pathlib.Path) -> None:
        openapi_generator(place, "java", "java", library="native", invokerPackage="{surface}.client",
                          apiPackage="{surface}.api", modelPackage="{surface}.model")
        run("javac", "-Xlint:all,-serial", "-Werror", "-d", "classes", "-cp", libraries, SOURCES / "java" / "Drive.java",
            *(file for surface in SURFACES for file in sorted((place / f"java-{surface}/src/main").rglob("*.java"))),
            cwd=place)

    place = made("openapi-generator-java", make, "java/Drive.java", "java/pom.xml")
    run("java", "-cp", f"{place / 'classes'}{os.pathsep}{libraries}", "Drive", cwd=place, **settings)


def test_openapi_python_client(settings):
    def make(place: pathlib.Path) -> None:
        (place / "config.yaml").write_text("post_hooks: []\n")
        for surface in SURFACES:
            run(TOOLS / "openapi-python-client", "generate", "--path", f"{surface}.json", "--meta", "none", "--config",
                "config.yaml", "--fail-on-warning", "--output-path", f"{surface}_opc", cwd=place)
        shutil.copy(SOURCES / "drive_openapi_python_client.py", place)
        run(TOOLS / "mypy", "--strict", "drive_openapi_python_client.py", *(f"{surface}_opc" for surface in SURFACES),
            cwd=place)

    place = made("openapi-python-client", make, "drive_openapi_python_client.py")
    run(sys.executable, "drive_openapi_python_client.py", cwd=place, **settings)


def test_oapi_codegen(settings):
    def make(place: pathlib.Path) -> None:
        def go(*arguments) -> None:
            run(TOOLS / "go", *arguments, cwd=place, GOTOOLCHAIN="local", GOFLAGS="-mod=readonly", GOWORK="off")

        for name in ("go.mod", "go.sum", "drive.go"):
            shutil.copy(SOURCES / name, place)
        for surface in SURFACES:
            (place / surface).mkdir()
            go("tool", "oapi-codegen", "-generate", "types,client", "-package", surface, "-o", f"{surface}/client.go",
               f"{surface}.json")
        go("vet", "./...")
        go("build", "-o", "drive", ".")

    place = made("oapi-codegen", make, "drive.go", "go.mod", "go.sum")
    run(place / "drive", cwd=place, **settings)
