#!/usr/bin/env python3
"""Writes the dashboards beside this file, or (--check) says which are not as this file has them.

A dashboard is a list of rows, a row a list of panels, a panel a title, a unit and its queries. All else that Grafana
wants to know is the same for each.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
INDEX = 'index=~"$index"'
RATE = "$__rate_interval"


def quantile(share, histogram, by=(), where=""):
    labels = ", ".join(("le", *by))
    return f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket{{{where}}}[{RATE}])))"


def rate(counter, by="", where=""):
    return f"sum by ({by}) (rate({counter}{{{where}}}[{RATE}]))" if by else f"sum(rate({counter}{{{where}}}[{RATE}]))"


SEARCH = 'endpoint="/v1/indexes/{name}/search"'

# (title, unit, [(query, legend), ...], what it is for)
OVERVIEW = {
    "Requests": [
        ("Requests", "reqps", [(rate("annuli_requests_total", "code"), "{{code}}")], "By HTTP status."),
        ("Searches", "s", [(quantile(q, "annuli_request_seconds", where=SEARCH), f"p{p}")
                           for q, p in ((0.5, 50), (0.95, 95), (0.99, 99))], "From the head to the answer."),
        ("Errors", "reqps", [(rate("annuli_request_errors_total", "error"), "{{error}}")],
         "By the code in the answer. `overloaded` and `deadline_exceeded` are ours to mend."),
    ],
    "Where time goes": [
        ("Stages of a search, p99", "s", [(quantile(0.99, "annuli_search_stage_seconds", ("stage",)), "{{stage}}")],
         "A fan-out far above the shards: one of them is late."),
        ("Calls of shards, p99", "s", [(quantile(0.99, "annuli_shard_call_seconds", ("call",)), "{{call}}")],
         "As the indexers measure them, without the network."),
        ("In flight and waiting", "short", [
            ("sum by (instance) (annuli_requests_in_flight)", "requests {{instance}}"),
            ("sum by (instance) (annuli_shard_calls_in_flight)", "calls {{instance}}"),
            ("sum by (instance) (annuli_search_queue_jobs)", "waiting {{instance}}")],
         "Waiting for long: more cores, or less at once."),
    ],
    "What there is": [
        ("Documents", "short", [(f"sum by (index) (annuli_documents{{{INDEX}}})", "{{index}}")], "Live ones."),
        ("Shards that do not answer", "short",
         [(f"count(annuli_shard_up{{{INDEX}}} == 0) or vector(0)", "shards")], "Should be 0."),
        ("Processes", "short", [("sum by (version, role) (annuli_build_info)", "{{role}} {{version}}")],
         "By role and release."),
    ],
    "Processes": [
        ("Processor", "short", [("sum by (instance) (rate(process_cpu_seconds_total{job=~\"annuli.*\"}[" + RATE + "]))",
                                 "{{instance}}")], "Cores in use."),
        ("Memory", "bytes", [('process_resident_memory_bytes{job=~"annuli.*"}', "{{instance}}")], "Resident."),
        ("Files", "percentunit", [('process_open_fds{job=~"annuli.*"} / process_max_fds{job=~"annuli.*"}',
                                   "{{instance}}")], "Open, of those that may be."),
    ],
}

REPLICAS = {
    "What replicas serve": [
        ("Generation", "short", [(f"max by (index) (annuli_generation{{{INDEX}}})", "official {{index}}"),
                                 (f"min by (index) (annuli_held_generation{{{INDEX}}})", "on every replica {{index}}")],
         "The number of the dump. They differ while a rollout is under way."),
        ("Writes behind", "short",
         [(f"max by (index, shard) (annuli_seq{{{INDEX}}}) - max by (index, shard) (annuli_generation_seq{{{INDEX}}})",
           "{{index}}/{{shard}}")], "Writes that primaries have and the official generation has not."),
        ("Replicas ready", "short",
         [(f"min by (index, shard) (annuli_generation_replicas_ready{{{INDEX}}})", "{{index}}/{{shard}}"),
          ('max by (shard) (annuli_shard_processes{role="replica"})', "alive, shard {{shard}}")],
         "With the official generation, and alive at all."),
    ],
    "Dumps and rollouts": [
        ("Age of the newest dump", "s",
         [(f"time() - max by (index) (annuli_dump_created_timestamp_seconds{{{INDEX}}})", "{{index}}")],
         "What a lost disk would cost, where documents are written."),
        ("Dump under way", "short", [(f"max by (index) (annuli_dump_shards_done{{{INDEX}}})", "shards of {{index}}")],
         "Shards that are in the store of dumps already."),
        ("Rollout under way", "short",
         [(f"max by (index, state) (annuli_rollout_replicas{{{INDEX}}})", "{{index}} {{state}}")],
         "Replicas by how far they are."),
        ("Tasks", "short", [("max by (kind, status) (annuli_tasks) > 0", "{{kind}} {{status}}")],
         "Those that are remembered."),
        ("Coordinator", "short", [("sum(annuli_coordinator)", "coordinators"),
                                  ("max(annuli_coordinator_epoch)", "epoch")], "One, but for moments."),
        ("Primaries and strangers", "short", [('max by (shard, role) (annuli_shard_processes)', "{{shard}} {{role}}")],
         "`aside`: a folder that is not the shard's."),
    ],
    "Who answers": [
        ("Calls", "reqps", [(rate("annuli_replica_requests_total", "replica"), "{{replica}}")], "As routers make them."),
        ("Answer time", "s",
         [(f"{rate('annuli_replica_answer_seconds_total', 'replica')} / "
           f"{rate('annuli_replica_answers_total', 'replica')}", "{{replica}}")], "The mean."),
        ("Failures and ejections", "reqps", [(rate("annuli_replica_failures_total", "replica"), "failed {{replica}}"),
                                             (rate("annuli_replica_ejections_total", "replica"), "ejected {{replica}}")],
         "Of calls, and of replicas."),
        ("Hedges", "percentunit",
         [(f"{rate('annuli_replica_hedges_total')} / {rate('annuli_replica_requests_total')}", "made"),
          (f"{rate('annuli_replica_hedges_won_total')} / {rate('annuli_replica_requests_total')}", "won")],
         "Of all calls; at most a twentieth."),
        ("Reads of primaries", "reqps", [(rate("annuli_primary_reads_total", "why", INDEX), "{{why}}")],
         "`no_replica`: none was able. `fresher`: more was asked for than they have."),
        ("State", "short", [("sum by (replica, state) (annuli_replica_state == 1)", "{{replica}} {{state}}")],
         "As each router sees it."),
    ],
}

STORAGE = {
    "Segments": [
        ("Segments", "short", [(f"sum by (index) (annuli_segments{{{INDEX}}})", "{{index}}")],
         "A search walks each of them."),
        ("Not in a segment yet", "short", [(f"sum by (index) (annuli_tail_documents{{{INDEX}}})", "tail {{index}}"),
                                           (f"sum by (index) (annuli_pending_documents{{{INDEX}}})", "pending {{index}}")],
         "Beyond 100,000 a shard without a graph, writes are refused."),
        ("Dead documents", "percentunit",
         [(f"sum by (index) (annuli_segment_dead_documents{{{INDEX}}}) / "
           f"sum by (index) (annuli_segment_documents{{{INDEX}}} > 0)", "{{index}}")], "Written again at 30 % of a segment."),
    ],
    "Sizes": [
        ("Segments of primaries", "bytes", [(f"sum by (index) (annuli_segment_bytes{{{INDEX}}})", "{{index}}")],
         "Their codes and links should fit into memory."),
        ("Segments of replicas", "bytes",
         [(f"sum by (index, instance) (annuli_held_segment_bytes{{{INDEX}}})", "{{index}} {{instance}}")],
         "Of all generations that they hold."),
        ("Stores and dumps", "bytes", [(f"sum by (index) (annuli_store_bytes{{{INDEX}}})", "store {{index}}"),
                                       (f"max by (index) (annuli_dump_bytes{{{INDEX}}})", "newest dump {{index}}")],
         "On the disk."),
    ],
    "Writes": [
        ("Commits, p50 and p99", "s", [(quantile(0.5, "annuli_commit_seconds"), "p50"),
                                       (quantile(0.99, "annuli_commit_seconds"), "p99")], "Until a group is durable."),
        ("Writes of a group, p50", "short", [(quantile(0.5, "annuli_group_writes"), "writes")],
         "More clients at once, larger groups."),
        ("Batches that wait", "short", [(f"sum by (index, shard) (annuli_write_queue_batches{{{INDEX}}})",
                                         "{{index}}/{{shard}}")], "At 256 of a shard they are refused."),
    ],
    "Builds": [
        ("Time spent building", "percentunit", [(rate("annuli_build_seconds_total", "instance, kind"),
                                                 "{{instance}} {{kind}}")], "Near 1 builds do not keep up."),
        ("Documents built", "short", [(rate("annuli_build_documents_total", "kind"), "{{kind}}")], "A second."),
        ("Builds", "short", [(f"sum by (kind) (annuli_builds_running{{{INDEX}}})", "running {{kind}}"),
                             (f"sum by (kind) (annuli_builds_waiting{{{INDEX}}})", "waiting {{kind}}")],
         "Of all shards of a process, one seals and one merges at a time."),
    ],
    "RocksDB": [
        ("Memory", "bytes", [("sum by (instance) (annuli_store_memtable_bytes)", "last writes {{instance}}"),
                             ("sum by (instance) (annuli_store_cache_bytes)", "blocks {{instance}}"),
                             ("sum by (instance) (annuli_store_table_readers_bytes)", "filters {{instance}}")],
         "Of all stores of a process."),
        ("Compactions", "bytes", [("sum by (instance) (annuli_store_compaction_pending_bytes)", "{{instance}}")],
         "What is still to be written again, estimated."),
        ("Stalled stores", "short", [("sum by (instance) (annuli_stores_stalled)", "{{instance}}")], "Should be 0."),
    ],
}

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def panel(number, place, title, unit, queries, description):
    targets = [{"refId": chr(65 + at), "datasource": DATASOURCE, "expr": query, "legendFormat": legend}
               for at, (query, legend) in enumerate(queries)]
    return {
        "id": number, "type": "timeseries", "title": title, "description": description, "datasource": DATASOURCE,
        "gridPos": place, "targets": targets,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": {"fillOpacity": 8, "showPoints": "never"}},
                        "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    }


def dashboard(uid, title, rows):
    panels, y = [], 0
    for row, members in rows.items():
        panels.append({"id": len(panels) + 1, "type": "row", "title": row, "collapsed": False, "panels": [],
                       "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}})
        y += 1
        for at, member in enumerate(members):
            place = {"h": 8, "w": 8, "x": at % 3 * 8, "y": y + at // 3 * 8}
            panels.append(panel(len(panels) + 1, place, *member))
        y += (len(members) + 2) // 3 * 8
    index = {"name": "index", "label": "Index", "type": "query", "datasource": DATASOURCE, "multi": True,
             "includeAll": True, "allValue": ".*", "refresh": 2,
             "query": {"query": "label_values(annuli_shard_up, index)", "refId": "index"},
             "current": {"text": "All", "value": "$__all"}}
    source = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {"uid": uid, "title": title, "tags": ["annuli"], "schemaVersion": 39, "version": 1, "editable": True,
            "refresh": "30s", "time": {"from": "now-3h", "to": "now"}, "timezone": "browser",
            "templating": {"list": [source, index]}, "panels": panels}


DASHBOARDS = {
    "overview.json": dashboard("annuli-overview", "Annuli: overview", OVERVIEW),
    "replicas.json": dashboard("annuli-replicas", "Annuli: replicas and rollouts", REPLICAS),
    "storage.json": dashboard("annuli-storage", "Annuli: storage", STORAGE),
}


def main():
    check, stale = sys.argv[1:] == ["--check"], []
    for name, content in DASHBOARDS.items():
        path, text = HERE / name, json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(name)
    if stale:
        sys.exit(f"not as deploy/grafana/dashboards.py has them (run it): {', '.join(stale)}")


if __name__ == "__main__":
    main()
