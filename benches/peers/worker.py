"""Serves one Python library to the benchmark: a request a line on standard input, a reply a line on standard output.

    python worker.py library/hnswlib.py [VARIANT]

The requests and replies are those of benches/src/library/protocol.rs. What is timed is the library's own call and
nothing around it: vectors are read beforehand, answers are turned into text afterwards.
"""

import ctypes
import gc
import importlib.util
import json
import os
import sys
import time

import numpy


def main():
    # Some libraries print to standard output from C++. The replies get a copy of it; prints go to standard error.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer = adapter(sys.argv[1]).Peer(*sys.argv[2:3])
    worker = Worker(peer)
    answer(replies, {"version": peer.version})
    for line in sys.stdin:
        try:
            reply = worker.carry_out(json.loads(line))
        except Exception as error:  # A peer may fail in any way; the benchmark tells which one did, and how.
            reply = {"error": f"{type(error).__name__}: {error}"}
        answer(replies, reply)


def adapter(path):
    """Loaded by its path: a file named as the library that it imports would shadow it on `sys.path`."""
    spec = importlib.util.spec_from_file_location("adapter", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer(replies, reply):
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


class Worker:
    def __init__(self, peer):
        self.peer = peer
        self.queries = None

    def carry_out(self, request):
        return getattr(self, request["do"])(request)

    def load(self, request):
        self.queries = numpy.load(request["queries"])
        return {}

    def build(self, request):
        base = numpy.load(request["base"])
        parts = request.get("parts") and numpy.load(request["parts"])[:, 0]
        seconds, cpu_seconds, _ = timed(
            lambda: self.peer.build(base, parts, request["m"], request["ef_construction"], request["threads"])
        )
        # What a library needs to search is in its own memory now; the rest is given back before memory is measured.
        del base, parts
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        return {"seconds": seconds, "cpu_seconds": cpu_seconds}

    def configure(self, request):
        self.peer.configure(request["ef"], request["threads"], request.get("parts_below"))
        return {}

    def search(self, request):
        first = request["first"]
        queries = self.queries[first : first + request["count"]]
        if hasattr(self.peer, "prepare"):
            queries = self.peer.prepare(queries, request["k"])
        seconds, cpu_seconds, found = timed(lambda: self.peer.search(queries, request["k"]))
        reply = {"seconds": seconds, "cpu_seconds": cpu_seconds}
        if request["answers"]:
            reply["answers"] = [[int(row) for row in rows if row >= 0] for rows in found]
        return reply


def timed(call):
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return time.perf_counter() - wall, time.process_time() - cpu, result


if __name__ == "__main__":
    main()
