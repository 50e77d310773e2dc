"""An S3 server for tests: moto keeps the objects, and in front of it stands what moto does not check, namely signatures
in queries, by botocore's own calculation, and checksums, as S3 does or as a lesser server does not."""
from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import io
import threading
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import moto.core
import moto.s3.models
import werkzeug.serving
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
REGION = "us-east-1"
BUCKET = "media"


class Refused(Exception):
    """An answer in S3's words."""

    def __init__(self, status: int, code: str):
        super().__init__(code)
        self.status = status
        self.code = code


@dataclasses.dataclass
class S3Server:
    """Serves on a port of its own until it is closed."""

    checks_sha256: bool = True  # refuses an upload whose content is not what its checksum says
    keeps_sha256: bool = True  # and tells the checksum later
    fails_with: int = 0  # answers everything with this status
    requests: list[str] = dataclasses.field(default_factory=list)  # methods of what was let through

    def __post_init__(self):
        self._moto = DomainDispatcherApplication(create_backend_app)
        self.backend.create_bucket(BUCKET, REGION)
        self._server = werkzeug.serving.make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def backend(self) -> moto.s3.models.S3Backend:
        return moto.s3.models.s3_backends[moto.core.DEFAULT_ACCOUNT_ID]["aws"]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.backend.reset()

    def keys(self) -> list[str]:
        return sorted(self.backend.buckets[BUCKET].keys)

    def _answer(self, environ, start_response):
        try:
            if self.fails_with:
                raise Refused(self.fails_with, "InternalError")
            check_signature(environ)
            self._check_content(environ)
        except Refused as refused:
            body = b"" if environ["REQUEST_METHOD"] == "HEAD" else f"<Error><Code>{refused.code}</Code></Error>".encode()
            start_response(f"{refused.status} {refused.code}", [("Content-Type", "application/xml"),
                                                                ("Content-Length", str(len(body)))])
            return [body]
        self.requests.append(environ["REQUEST_METHOD"])
        return self._moto(environ, start_response)

    def _check_content(self, environ) -> None:
        announced = environ.get("HTTP_X_AMZ_CHECKSUM_SHA256")
        if environ["REQUEST_METHOD"] != "PUT" or announced is None:
            return
        content = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = io.BytesIO(content)
        if self.checks_sha256 and base64.b64encode(hashlib.sha256(content).digest()).decode() != announced:
            raise Refused(400, "XAmzContentChecksumMismatch")
        if self.keeps_sha256:
            environ["HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM"] = "SHA256"


def headers_of(environ) -> dict[str, str]:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return headers


def check_signature(environ) -> None:
    path, _, query = environ["REQUEST_URI"].partition("?")
    fields = urllib.parse.parse_qsl(query)
    wanted = dict(fields)
    signature = wanted.pop("X-Amz-Signature", "")
    if not signature or len(wanted) != len(fields) - 1:
        raise Refused(403, "AccessDenied")
    try:
        signed_at = datetime.datetime.strptime(wanted["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
        until = signed_at + datetime.timedelta(seconds=int(wanted["X-Amz-Expires"]))
    except (KeyError, ValueError):
        raise Refused(400, "AuthorizationQueryParametersError") from None
    if datetime.datetime.now(datetime.UTC) >= until:
        raise Refused(403, "AccessDenied")

    headers = headers_of(environ)
    names = wanted.get("X-Amz-SignedHeaders", "").split(";")
    if any(name.startswith("x-amz-") and name not in names for name in headers) or not all(
            name in headers for name in names):
        raise Refused(403, "AccessDenied")
    unsigned = query.partition("&X-Amz-Signature=")[0]
    request = botocore.awsrequest.AWSRequest(environ["REQUEST_METHOD"], f"http://{headers['host']}{path}?{unsigned}",
                                             headers={name: headers[name] for name in names})
    request.context["timestamp"] = wanted["X-Amz-Date"]
    auth = botocore.auth.S3SigV4QueryAuth(botocore.credentials.Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "s3",
                                          REGION)
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    if wanted.get("X-Amz-Credential") != auth.scope(request) or signature != expected:
        raise Refused(403, "SignatureDoesNotMatch")
