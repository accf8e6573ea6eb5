"""The example of docs/migrating.md for VectorDBBench, as it stands there, against a running server without keys, in the
folder that one is in: python harness.py QDRANT_PORT"""

import json
import os
import pathlib
import subprocess
import sys

from page import REPOSITORY, blocks, run

PAGE = "docs/migrating.md", "Benchmark harnesses"
# Times are those of a machine that may be busy; what is found is not.
RECALL_MIN = 0.95

os.symlink(REPOSITORY / "tests", "tests")
[files] = blocks(*PAGE)
run(files, {})
[commands] = blocks(*PAGE, language="text")
install, *rest = commands.splitlines()
assert install.startswith("pip install "), install
commands = "\n".join(rest)
assert "127.0.0.1:6333" in commands
environment = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
commands = commands.replace("127.0.0.1:6333", f"127.0.0.1:{sys.argv[1]}")
ran = subprocess.run(["bash", "-euc", commands], env=environment, capture_output=True, text=True, timeout=600)
results = list(pathlib.Path("results").rglob("*.json"))
if ran.returncode or len(results) != 1:
    sys.exit(f"VectorDBBench ended with {ran.returncode} and {len(results)} results\n{ran.stdout[-3000:]}{ran.stderr[-5000:]}")
[case] = json.loads(results[0].read_text())["results"]
metrics = case["metrics"]
assert metrics["recall"] >= RECALL_MIN, metrics
print(f"VectorDBBench: {metrics['qps']} searches a second, p99 {metrics['serial_latency_p99']} s, recall {metrics['recall']}")
