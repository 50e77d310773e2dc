"""Makes generated requests that should succeed obey the rules that JSON Schema cannot express; loaded by schemathesis.toml.

Only what is generated as valid is touched; what is generated as invalid goes out as it is.
"""
from __future__ import annotations

import itertools
import os
import re
import unicodedata

import schemathesis
from schemathesis.core.parameters import ParameterLocation

MINIMUM_BUDGET_CENTS = 2500
MAX_EMAIL_BYTES = 254  # of UTF-8; JSON Schema counts characters
FUTURE = "2099-12-31T23:59:59Z"
PAST = "2020-01-01T00:00:00Z"
# The key that Schemathesis itself uses: were it to revoke that one, every later check would see only 401.
OWN_KEY_ID = os.environ["SCHEMATHESIS_OWN_KEY_ID"]
NO_KEY_ID = "key_00000000000000000000000000"
# A position that the journal surely has; a random one would wait for a write that never comes.
KNOWN_POSITION = os.environ["SCHEMATHESIS_KNOWN_POSITION"]
# A command of the caller: no answer of a healthy server names one, so none would ever be found.
KNOWN_COMMAND_ID = os.environ["SCHEMATHESIS_KNOWN_COMMAND_ID"]
# What a random id would never hit: paid tasks, submissions that wait for a decision, somebody verified.
TASK_IDS = os.environ["SCHEMATHESIS_TASK_IDS"].split()
SUBMISSION_IDS = os.environ["SCHEMATHESIS_SUBMISSION_IDS"].split()
WORKER_ID = os.environ["SCHEMATHESIS_WORKER_ID"]
LOGIN = {"email": os.environ["SCHEMATHESIS_EMAIL"], "password": os.environ["SCHEMATHESIS_PASSWORD"]}
MAIL_TOKEN = os.environ["SCHEMATHESIS_MAIL_TOKEN"]
RESET_TOKEN = os.environ["SCHEMATHESIS_RESET_TOKEN"]
calls = itertools.count()


def negative(case, location: ParameterLocation) -> bool:
    """Whether this part of the request is meant to be wrong; in a request that is meant to be right, none is."""
    return case.meta is not None and case.meta.generation.mode.is_negative and case.meta.is_negative_at(location)


def fold(text: object) -> object:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()) if isinstance(text, str) else text


def is_password(text: str) -> bool:
    """No rule of JSON Schema knows which characters Unicode has given a meaning, nor how many they are in NFC."""
    normal = unicodedata.normalize("NFC", text)
    # Only those that every version of Unicode knows.
    return 10 <= len(normal) <= 200 and all(ord(c) < 0x250 and unicodedata.category(c) not in ("Cc", "Cn") for c in normal)


@schemathesis.hook
def before_call(context, case, kwargs):
    parameters = case.path_parameters
    if case.method == "DELETE" and parameters and parameters.get("id") == OWN_KEY_ID:
        parameters["id"] = NO_KEY_ID
    if parameters and not negative(case, ParameterLocation.PATH):
        if case.path in ("/commands/{id}", "/worker/commands/{id}"):
            parameters["id"] = KNOWN_COMMAND_ID
        # Every other one, so that what does not exist is asked for as well.
        number = next(calls)
        if number % 2 == 0:
            if case.path.startswith("/worker/tasks/") or case.path == "/tasks/{id}/submissions":
                parameters["id"] = TASK_IDS[number // 2 % len(TASK_IDS)]
            elif case.path.startswith("/submissions/"):
                parameters["id"] = SUBMISSION_IDS[number // 2 % len(SUBMISSION_IDS)]
            elif case.path == "/worker/{id}/public":
                parameters["id"] = WORKER_ID

    if not negative(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        body = case.body
        reward, target = body.get("reward_cents"), body.get("target_submissions")
        if isinstance(reward, int) and isinstance(target, int) and 0 < reward * target < MINIMUM_BUDGET_CENTS:
            body["target_submissions"] = -(-MINIMUM_BUDGET_CENTS // reward)
        for name in ("deadline", "expires_at"):
            if body.get(name) is not None:
                body[name] = FUTURE
        for owner in (body, body.get("requirements")):
            # Upper and lower case are the same skill.
            if isinstance(owner, dict) and isinstance(owner.get("skills"), list):
                owner["skills"] = list({fold(skill): skill for skill in owner["skills"]}.values())
        email = body.get("email")
        if isinstance(email, str) and len(email.encode("utf-8", "surrogatepass")) > MAX_EMAIL_BYTES:
            body["email"] = f"{next(calls)}@example.test"
        password = body.get("password")
        if isinstance(password, str) and case.path != "/worker/login" and not is_password(password):
            body["password"] = "correct horse battery"
        if case.path == "/worker/login" and next(calls) % 2 == 0:
            body |= LOGIN
        if case.path == "/worker/tasks/{id}/uploads":
            body["content_type"] = "text/plain"  # what those tasks ask for
            if "filename" in body:
                body["filename"] = "seen.txt"  # and a name that does not say otherwise
        if case.path == "/worker/tasks/{id}/proof":
            # Ids that were never handed out, and bytes that are no media, are wrong in ways that no schema can say.
            body.pop("uploads", None)
            body.pop("data_urls", None)
            body.setdefault("text", "What I saw.")

    if not negative(case, ParameterLocation.QUERY) and case.query:
        # Only the server can make a cursor; following real ones is test_pagination.py's part.
        case.query.pop("cursor", None)
        # Nor any other token than the one that was mailed.
        if case.path == "/worker/verify":
            case.query["token"] = MAIL_TOKEN
        if case.path == "/worker/password/reset":
            case.query["token"] = RESET_TOKEN
        # The full-date grammar of RFC 3339 has years and leap seconds that no clock has.
        if "created_after" in case.query:
            case.query["created_after"] = PAST
        if "created_before" in case.query:
            case.query["created_before"] = FUTURE

    if negative(case, ParameterLocation.HEADER) and case.headers and "If-Match" in case.headers:
        # A key that was used before is answered from memory, whatever precondition comes with it this time.
        case.headers.pop("Idempotency-Key", None)

    position = (case.headers or {}).get("Journal-Position")
    if position is not None:
        # A well-formed position is right even in a request whose other headers are wrong: then it would be waited for.
        if not negative(case, ParameterLocation.HEADER) or re.fullmatch(r"(tasks|workers)\.\d+\.\d+", str(position)):
            case.headers["Journal-Position"] = KNOWN_POSITION
