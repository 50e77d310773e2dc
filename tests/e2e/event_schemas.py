"""Validates the data of every event against schemas/events/<type>.v<schema>.json."""
from __future__ import annotations

import json

import jsonschema
import referencing
import referencing.jsonschema

from harness import REPOSITORY

DIRECTORY = REPOSITORY / "schemas" / "events"


class EventSchemas:
    def __init__(self):
        documents = {path.name: json.loads(path.read_text()) for path in sorted(DIRECTORY.glob("*.v*.json"))}
        resources = []
        for name, document in documents.items():
            resource = referencing.Resource.from_contents(
                document, default_specification=referencing.jsonschema.DRAFT202012)
            # A file may refer to another by its name or by its $id.
            resources += [(name, resource)] + ([(document["$id"], resource)] if "$id" in document else [])
        registry = referencing.Registry().with_resources(resources)
        self._validators = {name: jsonschema.Draft202012Validator(document, registry=registry)
                            for name, document in documents.items()}

    def problems(self, partitions) -> list[str]:
        """What is wrong, each with its place in the journal; empty when all is well."""
        found = []
        for partition in partitions:
            for value in partition.commits:
                commit = json.loads(value)
                for number, event in enumerate(commit["events"]):
                    place = f"{partition.name} seq {commit['seq']} event {number} ({event['type']})"
                    name = f"{event['type']}.v{event['schema']}.json"
                    if name not in self._validators:
                        found.append(f"{place}: there is no schemas/events/{name}")
                        continue
                    for error in self._validators[name].iter_errors(event["data"]):
                        found.append(f"{place}: {error.json_path}: {error.message}")
        return found
