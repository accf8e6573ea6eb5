#!/usr/bin/env python3
"""Runs every command of the manifests and of compose.yaml, with its variables, as far as the coordination store.

There is no cluster and no engine here that would run them; but a flag or a variable that `annuli` does not know is found
by starting it. Each process must get so far that it asks an etcd, which is not there, and must not say that a variable
has no effect. What etcd, the bucket and Kubernetes would do is not tried.

    commands.py ANNULI MANIFESTS.yaml… compose.yaml… compose.yaml+override.yaml…
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import yaml

TIMEOUT_SECONDS = 30
NOBODY = "127.0.0.1:1"


def main():
    annuli, *paths = sys.argv[1:]
    commands = [command for path in paths for command in commands_of(*map(pathlib.Path, path.split("+")))]
    if len(commands) < len(paths):
        sys.exit("there are files without commands")
    for name, words, variables in commands:
        try_out(annuli, name, words, variables)
    print(f"{len(commands)} commands of {len(paths)} files are understood")


def commands_of(path, *overrides):
    documents = [document for document in yaml.safe_load_all(path.read_text()) if document]
    if "services" in documents[0]:
        services = documents[0]["services"]
        for override in overrides:
            overridden = yaml.safe_load(override.read_text())["services"]
            if not overridden.keys() <= services.keys():
                sys.exit(f"{override} has services that {path} has not")
            for name, service in overridden.items():
                environment = services[name].get("environment", {}) | service.get("environment", {})
                services[name] |= service | {"environment": environment}
        for name, service in services.items():
            if service["image"] == "annuli":
                yield f"{path.name}: {name}", service["command"], service["environment"]
        return
    maps = {each["metadata"]["name"]: each["data"] for each in documents if each["kind"] == "ConfigMap"}
    for document in documents:
        if document["kind"] not in ("StatefulSet", "Deployment"):
            continue
        for container in document["spec"]["template"]["spec"]["containers"]:
            variables = {}
            for source in container["envFrom"]:
                if "configMapRef" in source:
                    variables |= maps[source["configMapRef"]["name"]]
            words = [word.replace("$(POD_NAME)", "pod-0").replace("$(POD_NAMESPACE)", "space")
                     for word in container["args"]]
            yield f"{path.name}: {document['metadata']['name']}", words, variables


def certify(folder):
    """A certificate that signs itself, and its key."""
    certificate, key = f"{folder}/tls.crt", f"{folder}/tls.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "1", "-subj", "/CN=check", "-keyout", key, "-out", certificate],
                   check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return certificate, key


def try_out(annuli, name, words, variables):
    with tempfile.TemporaryDirectory(prefix="annuli-command-") as folder:
        secret = pathlib.Path(folder, "secret")
        secret.write_text("for-this-check-alone\n")
        here = {"ANNULI_COORDINATION": f"etcd://{NOBODY}", "ANNULI_CLUSTER_SECRET_FILE": str(secret),
                "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "PATH": os.environ["PATH"]}
        if not variables.get("ANNULI_COORDINATION", "").startswith("etcd://"):
            sys.exit(f"{name} has no etcd to coordinate by")
        # What is elsewhere on this machine: ports and folders.
        words = [word.replace("/data", f"{folder}/data") if word.startswith("--workspace=") else word for word in words]
        keys = pathlib.Path(folder, "keys.toml")
        keys.write_text('[[keys]]\nname = "check"\nrole = "read"\nkey = "for-this-check-alone"\n')
        words = [f"--api-keys={keys}" if word.startswith("--api-keys=") else word for word in words]
        if any(word.startswith("--tls-") for word in words):
            shown = dict(zip(("--tls-cert", "--tls-key"), certify(folder)))
            words = [f"{flag}={shown[flag]}" if (flag := word.split("=")[0]) in shown else word for word in words]
        words = ["--listen=0.0.0.0:0" if word.startswith("--listen=") else word for word in words]
        ran = subprocess.run([annuli, *words], env={**variables, **here}, capture_output=True, text=True,
                             timeout=TIMEOUT_SECONDS)
    said = ran.stdout + ran.stderr
    if ran.returncode != 1 or f"etcd at http://{NOBODY}" not in said or "has no effect" in said:
        sys.exit(f"{name}: annuli {' '.join(words)}\nended with {ran.returncode}: {said}")


if __name__ == "__main__":
    main()
