#!/usr/bin/env python3
"""Says whether plain manifests become what the chart renders, when a component of kustomize patches them.

The component's patches are lists of operations `add`, as JSON Patch has them; kustomize itself may not be here.

    patched.py PLAIN.yaml KUSTOMIZATION.yaml RENDERED.yaml
"""

import sys

import yaml

# Helm says that it manages what it renders; plain manifests are nobody's.
OF_HELM = "app.kubernetes.io/managed-by"


def main():
    plain, component, rendered = sys.argv[1:]
    patched, want = manifests(plain), manifests(rendered)
    for patch in yaml.safe_load(open(component))["patches"]:
        target = patch["target"]["kind"], patch["target"]["name"]
        for operation in yaml.safe_load(patch["patch"]):
            add(patched[target], operation)
    if patched.keys() != want.keys():
        sys.exit(f"{component}: there are other manifests: {patched.keys() ^ want.keys()}")
    for name, manifest in want.items():
        if patched[name] != manifest:
            sys.exit(f"{component}: {' '.join(name)} becomes\n{yaml.dump(patched[name])}\nand the chart has\n{yaml.dump(manifest)}")
    print(f"{component} makes of {plain} what the chart renders")


def manifests(path):
    documents = [without_helm(document) for document in yaml.safe_load_all(open(path)) if document]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


def without_helm(value):
    if isinstance(value, dict):
        return {key: without_helm(inner) for key, inner in value.items() if key != OF_HELM}
    return [without_helm(inner) for inner in value] if isinstance(value, list) else value


def add(document, operation):
    if operation["op"] != "add":
        sys.exit(f"only `add` is known here, not {operation}")
    *path, last = operation["path"].strip("/").split("/")
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    if isinstance(document, list):
        document.insert(len(document) if last == "-" else int(last), operation["value"])
    else:
        document[last] = operation["value"]


if __name__ == "__main__":
    main()
