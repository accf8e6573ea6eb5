#!/usr/bin/env python3
"""Asks a real Prometheus that scrapes a real cluster every query of the dashboards and alerts.

Starts a cluster of 2 shards, 2 replicas of each and 2 routers, and a server of its own, with documents, searches,
dumps and rollouts; lets Prometheus scrape all of it; then asks. A query of a dashboard or of a page must find something, an
alert's expression must be understood, and each metric in it or in a page for operators must be there. What processes tell
must be named as `promtool check metrics` wants it.

    live.py ANNULI FOLDER_OF_PROMETHEUS
"""

import contextlib
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 120
INDEX = "packages"
DATA = DEPLOY.parent / "tests/data/debian-packages"
PAGES = [DEPLOY.parent / "docs" / name for name in ("scaling.md", "runbook.md")]


def main():
    annuli, prometheus = sys.argv[1], pathlib.Path(sys.argv[2])
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="annuli-live-")))
        ports = free_ports(4)
        serve, first = f"127.0.0.1:{ports[0]}", ports[2]
        start(stack, folder, "serve", annuli, "serve", "--shards", "2", "--listen", serve, "--workspace", folder / "one")
        start(stack, folder, "cluster", annuli, "cluster", "up", "--shards", "2", "--replicas", "2", "--routers", "2",
              "--dump-every", "2s", "--listen", f"127.0.0.1:{first}", "--workspace", folder / "cluster")
        router = f"127.0.0.1:{first}"
        for address in (serve, router):
            wait_for(f"{address} to be ready", lambda: get(address, "/readyz"))
            subprocess.run([annuli, "import", DATA / "vectors.npy", "--index", INDEX, "--metric", "cosine",
                            "--metadata", DATA / "documents.jsonl", "--url", f"http://{address}"],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("replicas to serve", lambda: generation(router) or None)
        targets = targets_of(router, first, serve)
        check_names(prometheus, targets)
        url = scrape(stack, folder, prometheus, ports[1], targets)
        searches(router, serve)
        ask(url, router, serve)


def start(stack, folder, name, *command):
    log = stack.enter_context(open(folder / f"{name}.log", "wb"))
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def end():
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        if sys.exc_info()[0]:
            print(f"--- the end of {name}.log\n", (folder / f"{name}.log").read_text()[-3000:], file=sys.stderr)

    stack.callback(end)


def targets_of(router, first, serve):
    """Who is scraped, by job. Indexers say to routers where they listen."""
    nodes = json.loads(get(router, "/v1/cluster"))
    addresses = set(re.findall(r"127\.0\.0\.1:\d+", json.dumps(nodes)))
    routers = {f"127.0.0.1:{first}", f"127.0.0.1:{first + 1}"}
    indexers = addresses - routers
    if len(indexers) != 6:
        sys.exit(f"6 indexers should be known to the router, it says {nodes}")
    return {"annuli-router": sorted(routers), "annuli-indexer": sorted(indexers), "annuli": [serve]}


def check_names(prometheus, targets):
    for job, members in targets.items():
        for address in members:
            linted = subprocess.run([prometheus / "promtool", "check", "metrics"], input=get(address, "/metrics"),
                                    capture_output=True, text=True)
            if linted.returncode or linted.stdout or linted.stderr:
                sys.exit(f"promtool check metrics, {job} {address}: {linted.stdout}{linted.stderr}")
    print(f"names of metrics: {sum(map(len, targets.values()))} processes, nothing found")


def scrape(stack, folder, prometheus, port, targets):
    jobs = "".join(f"  - job_name: {job}\n    static_configs: [{{targets: {json.dumps(members)}}}]\n"
                   for job, members in targets.items())
    configuration = folder / "prometheus.yml"
    configuration.write_text("global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
                             f"rule_files: [{DEPLOY}/prometheus/alerts.yaml]\nscrape_configs:\n{jobs}")
    start(stack, folder, "prometheus", prometheus / "prometheus", f"--config.file={configuration}",
          f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={folder}/tsdb", "--log.level=warn")
    url = f"http://127.0.0.1:{port}"
    total = sum(map(len, targets.values()))
    up = lambda: query(url, "sum(up)")
    wait_for("Prometheus to see everyone", lambda: (up() or [{"value": [0, "0"]}])[0]["value"][1] == str(total) or None)
    return url


def searches(*addresses):
    """Searches, and what makes each kind of error that a client can make by mistake."""
    for address in addresses:
        for document in ("nginx", "bash-doc", "zlib1g"):
            post(address, "search", {"id": document, "limit": 3})
        post(address, "search", {"vector": [1.0]})
        # Beyond what replicas have: the primary reads.
        post(address, "count", {"consistency": "primary"})


def ask(url, *addresses):
    dashboards = {path.name: queries_of(path) for path in sorted((DEPLOY / "grafana").glob("*.json"))}
    alerts = alert_expressions(DEPLOY / "prometheus/alerts.yaml")
    dashboards[PAGES[0].name] = queries_of_page(PAGES[0])
    empty = dict()
    # Rates need a while of scrapes in which something happens.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        searches(*addresses)
        empty = {(name, text) for name, queries in dashboards.items() for text in queries if not query(url, text)}
        if not empty or time.monotonic() > deadline:
            break
        time.sleep(1)
    if empty:
        sys.exit("these found nothing:\n" + "\n".join(f"{name}: {text}" for name, text in sorted(empty)))
    for name, queries in dashboards.items():
        print(f"{name}: {len(queries)} queries, each found something")
    for text in alerts:
        query(url, text)
        for metric in set(re.findall(r"\b(?:annuli|process)_\w+", re.sub(r"\{[^}]*\}", "", text))):
            if not query(url, metric):
                sys.exit(f"an alert asks for {metric}, which nobody tells: {text}")
    for page in PAGES:
        metrics = set(re.findall(r"\b(?:annuli|process)_[a-z_]+[a-z]", page.read_text()))
        for metric in metrics:
            # Of a histogram a page may name the whole.
            if not query(url, metric) and not query(url, f"{metric}_count"):
                sys.exit(f"{page.name} is about {metric}, which nobody tells")
        print(f"{page.name}: {len(metrics)} metrics, each told")
    rules = json.loads(fetch(f"{url}/api/v1/rules"))["data"]["groups"]
    broken = [rule for group in rules for rule in group["rules"] if rule["health"] == "err"]
    if broken:
        sys.exit(f"Prometheus cannot evaluate {broken}")
    print(f"alerts.yaml: {len(alerts)} expressions, each over metrics that are told")


def queries_of(path):
    panels = json.loads(path.read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return [text.replace("$__rate_interval", "10s").replace("$index", ".*") for text in queries]


def queries_of_page(path):
    """Those in blocks of their own, one a line."""
    blocks = re.findall(r"^```\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def alert_expressions(path):
    """The expressions of a file in which each is on the line of its key, or folded below it."""
    expressions, folded = [], None
    for line in path.read_text().splitlines():
        word = line.strip()
        if folded is not None and re.match(r"\w+:( |$)", word):
            expressions.append(" ".join(folded))
            folded = None
        if folded is not None:
            folded.append(word)
        elif word == "expr: >-":
            folded = []
        elif word.startswith("expr: "):
            expressions.append(word.removeprefix("expr: "))
    return expressions


def query(url, text):
    answer = json.loads(fetch(f"{url}/api/v1/query?" + urllib.parse.urlencode({"query": text})))
    return answer["data"]["result"]


def generation(router):
    """The least generation that is official, of what is told."""
    told = re.findall(r"^annuli_generation\{[^}]*\} (\d+)", get(router, "/metrics"), re.MULTILINE)
    return min(map(int, told), default=0)


def post(address, call, body):
    request = urllib.request.Request(f"http://{address}/v1/indexes/{INDEX}/{call}", json.dumps(body).encode(),
                                     {"content-type": "application/json"})
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=30).read()


def get(address, path):
    return fetch(f"http://{address}{path}")


def fetch(url):
    try:
        return urllib.request.urlopen(url, timeout=30).read().decode()
    except urllib.error.HTTPError as error:
        if "/api/v1/" in url:
            sys.exit(f"Prometheus refuses {urllib.parse.unquote_plus(url)}: {error.read().decode()}")
        raise


def wait_for(what, look):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            found = look()
            if found:
                return found
        time.sleep(0.2)
    sys.exit(f"waited {PATIENCE_SECONDS} s in vain for {what}")


def free_ports(count):
    """Neighbours that are free: the second router has the port behind the first."""
    for _ in range(100):
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                for number in range(port + 1, port + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", number))
                return list(range(port, port + count))
    sys.exit("no free ports")


if __name__ == "__main__":
    main()
