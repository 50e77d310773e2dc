"""The contract document: valid, served as it stands, in step with the server's routes; and the page that shows it."""
import json
import re
import subprocess
import sys
import urllib.parse
from html.parser import HTMLParser

import openapi_spec_validator
import pytest

from harness import REPOSITORY

SOURCES = REPOSITORY / "schemas" / "openapi"
BASE = "/api/v1"


@pytest.fixture(scope="module", params=["groundtruth", "worker"])
def surface(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def document(surface, tmp_path_factory) -> dict:
    """The document as the build converts it."""
    target = tmp_path_factory.mktemp("openapi") / f"{surface}.json"
    subprocess.run([sys.executable, SOURCES / "to_json.py", SOURCES / f"{surface}.yaml", target], check=True)
    return json.loads(target.read_text())


def test_the_document_is_valid(document):
    openapi_spec_validator.validate(document)
    assert document["openapi"] == "3.0.3"


def objects(node, path="#"):
    """Every schema object in the document that describes a JSON object."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield path, node
        for name, value in node.items():
            if name not in ("example", "examples"):
                yield from objects(value, f"{path}/{name}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from objects(value, f"{path}/{number}")


def test_every_object_says_whether_it_is_closed(document):
    for path, schema in objects(document):
        assert "additionalProperties" in schema, path


def test_every_operation_documents_what_can_always_come(surface, document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            always = {"400", "429", "500", "503"}
            if operation.get("security", document["security"]):
                always |= {"401"}
            if surface == "groundtruth":
                always |= {"403"}  # any key may lack the scope
            if "requestBody" in operation:
                always |= {"413", "415"}
            if "201" in operation["responses"] or method in ("put", "delete"):
                always |= {"504"}
            if any(parameter.get("$ref", "").endswith("/IdempotencyKey") for parameter in operation["parameters"]):
                always |= {"504", "409"}
            assert always <= set(operation["responses"]), (method, path)
            assert operation["operationId"] and operation["summary"] and operation["description"]


@pytest.mark.smoke
def test_it_is_served_as_it_stands(server, surface, document):
    with server.client() as nobody:
        response = nobody.get(f"/openapi/{surface}.json")
    assert response.status_code == 200
    assert response.headers["content-type"].split(";")[0] == "application/json"
    assert response.json() == document


@pytest.mark.smoke
def test_the_document_and_the_server_have_the_same_routes(server, surface, document):
    written = {(method.upper(), re.sub(r"\{[^}]*\}", "{}", BASE + path))
               for path, item in document["paths"].items() for method in item}
    with server.ops() as ops:
        response = ops.get("/ops/routes")
    assert response.status_code == 200, response.text
    served = {(route["method"].upper(), re.sub(r"\{[^}]*\}|:\w+", "{}", route["path"]))
              for route in response.json()
              if route["surface"] == surface and route["path"].startswith(BASE + "/")}
    # HEAD and OPTIONS come with every path and are not written down one by one.
    served = {route for route in served if route[0] not in ("HEAD", "OPTIONS")}
    assert served == written


class Links(HTMLParser):
    """Every address that a page loads, and its inline scripts."""

    def __init__(self, text: str):
        super().__init__()
        self.addresses: list[str] = []
        self.loaded: list[str] = []
        self.inline = ""
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self._script = tag == "script" and "src" not in given
        for name in ("src", "href", "action", "data", "poster"):
            if given.get(name):
                self.addresses.append(given[name])
        if tag in ("script", "img") and given.get("src"):
            self.loaded.append(given["src"])
        if tag == "link" and given.get("href"):
            self.loaded.append(given["href"])

    def handle_endtag(self, tag):
        self._script = False

    def handle_data(self, data):
        if self._script:
            self.inline += data


@pytest.mark.smoke
def test_the_documentation_page_and_all_that_it_loads(server, surface):
    with server.client() as nobody:
        response = nobody.get(f"/docs/{surface}", follow_redirects=True)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/html")
        links = Links(response.text)
        assert any(address.split("?")[0].endswith(".js") for address in links.loaded)
        assert any(address.split("?")[0].endswith(".css") for address in links.loaded)
        bundle = links.inline
        for address in links.loaded:
            if address.startswith("data:"):
                continue
            asset = nobody.get(urllib.parse.urljoin(str(response.url), address))
            assert asset.status_code == 200, address
            assert asset.content
            expected = {"js": "javascript", "css": "css", "png": "image/png"}.get(address.split("?")[0].split(".")[-1])
            assert expected is None or expected in asset.headers["content-type"], address
            if "swagger-ui" not in address:
                bundle += asset.text  # the page's own script may stand in a file, as a strict policy demands
        assert "SwaggerUIBundle" in bundle
        assert f"/openapi/{surface}.json" in bundle


@pytest.mark.smoke
def test_the_documentation_page_needs_nobody_else(server, surface):
    with server.client() as nobody:
        response = nobody.get(f"/docs/{surface}", follow_redirects=True)
    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+", response.text)
    for address in Links(response.text).addresses:
        assert not urllib.parse.urlsplit(address).netloc, address
