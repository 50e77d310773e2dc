"""Turns one OpenAPI YAML file into the JSON that the server serves: to_json.py IN OUT (run by the build)."""
import json
import sys

import yaml


class StrictLoader(yaml.SafeLoader):
    """YAML lets a mapping repeat a key and keeps the last one; in a contract that would silently drop a rule."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} appears twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


# Dates stay the text that the author wrote: an example must show the wire format, not Python's.
StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def main(arguments):
    if len(arguments) != 2:
        print("usage: to_json.py IN.yaml OUT.json", file=sys.stderr)
        return 2
    source, target = arguments
    with open(source, encoding="utf-8") as file:
        document = yaml.load(file, Loader=StrictLoader)  # noqa: S506 - a SafeLoader underneath
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            # Status codes are keys of text in JSON; YAML reads them as integers when they are not quoted.
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"] = {str(code): body for code, body in operation["responses"].items()}
    with open(target, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, indent=1)
        file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
