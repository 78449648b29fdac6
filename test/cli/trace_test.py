"""trace: the file that Perfetto opens has every call of all servers, on lanes on which nothing overlaps."""

import json
import os
import subprocess
import time
import unittest

import harness


class Trace(harness.Case):
    def record(self, seconds, *words):
        """Starts a trace; returns once it is on."""
        process = subprocess.Popen([harness.CLI, "--registry-dir", self.registry, "trace", "-s", seconds, *words],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=harness.environment())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        end = time.monotonic() + harness.PATIENCE
        while True:
            counts = {m["method"]: m["calls"] for m in self.cli("stats", "--json").json()}
            # Five looks at the clock of each server, and its beginning.
            if counts.get("trace_control", 0) >= 6 * len(self.servers):
                return process
            self.assertLess(time.monotonic(), end)

    def check(self, path, servers):
        """The form of a trace file; its calls by name."""
        trace = json.loads(path.read_text())
        self.assertEqual(trace["displayTimeUnit"], "ns")
        lanes, calls, parts, names = {}, [], [], {}
        for e in trace["traceEvents"]:
            self.assertIn(e["ph"], "XM")
            self.assertIn(e["pid"], range(servers))
            if e["ph"] == "M":
                names.setdefault(e["name"], []).append((e["pid"], e["args"]["name"]))
                continue
            self.assertGreaterEqual(e["dur"], 0)
            (calls if e["cat"] == "call" else parts).append(e)
        self.assertEqual(names["process_name"], [(i, f"server {i}") for i in range(servers)])
        nothing = 0.0005 # half a nanosecond, in microseconds
        for e in calls:
            lane = lanes.setdefault((e["pid"], e["tid"]), [])
            if lane:
                self.assertGreaterEqual(e["ts"], lane[-1]["ts"] + lane[-1]["dur"] - nothing)
            lane.append(e)
            a = e["args"]
            self.assertAlmostEqual((a["queue_ns"] + a["network_ns"] + a["storage_ns"]) / 1000, e["dur"], 3)
        self.assertEqual(len(names.get("thread_name", [])), len(lanes))
        # Each part lies in the call of its lane that begins last before it.
        at = {key: 0 for key in lanes}
        for e in parts:
            key = e["pid"], e["tid"]
            lane = lanes[key]
            while at[key] + 1 < len(lane) and lane[at[key] + 1]["ts"] <= e["ts"] + nothing:
                at[key] += 1
            whole = lane[at[key]]
            self.assertIn(e["name"], ["queue", "network", "storage"])
            self.assertGreaterEqual(e["ts"], whole["ts"] - nothing)
            self.assertLessEqual(e["ts"] + e["dur"], whole["ts"] + whole["dur"] + 3 * nothing)
        self.assertEqual(trace["otherData"]["calls"], len(calls))
        return trace["otherData"], calls

    def test_servers(self):
        for servers in 1, 3:
            with self.subTest(servers):
                self.start(servers, "--memory", "--memory-ahead", "16MiB", "--chunk-size", "64KiB")
                source = self.directory / "source"
                source.write_bytes(os.urandom(1 << 20))
                path = self.directory / "trace.json"
                process = self.record("2", str(path))
                self.ok("put", source, "/a")
                self.ok("get", "/a", self.directory / f"back-{servers}")
                out, err = process.communicate(timeout=harness.PATIENCE)
                self.assertEqual((process.returncode, err), (0, ""))
                about, calls = self.check(path, servers)
                self.assertEqual((about["servers"], about["lost"]), (servers, 0))
                self.assertRegex(out, rf"^{len(calls)} calls of {servers} server.*trace.json; open it with ui.perfetto")
                self.assertEqual({e["pid"] for e in calls}, set(range(servers)))
                writes = [e for e in calls if e["name"] == "write"]
                self.assertGreaterEqual(sum(e["args"]["bytes"] for e in writes), 1 << 20)
                self.assertEqual({e["args"]["outcome"] for e in writes}, {"ok"})
                self.assertEqual(sum(e["name"] == "create" for e in calls), 1)
                # Two programs worked, each with a session of its own.
                self.assertGreaterEqual(len({e["args"]["client"] for e in calls if e["name"] in ("write", "read")}), 2)
                for e in calls:
                    self.assertLess(-1e5, e["ts"])
                    self.assertLess(e["ts"], 1e7)
                self.end()

    def test_bounded(self):
        self.start(1, "--memory", "--memory-ahead", "16MiB")
        path = self.directory / "trace.json"
        process = self.record("2", "--spans", "100", "--json", str(path))
        self.ok("bench", "-b", "1M", "-n", "200", "-f", "10")
        out, err = process.communicate(timeout=harness.PATIENCE)
        self.assertEqual((process.returncode, err), (0, ""))
        about, calls = self.check(path, 1)
        self.assertEqual(len(calls), 100)
        self.assertGreater(about["lost"], 300)
        self.assertEqual(json.loads(out), {"file": str(path), "servers": 1, "calls": 100, "lost": about["lost"]})

    def test_one_at_a_time(self):
        self.start(1, "--memory", "--memory-ahead", "16MiB")
        process = self.record("1500ms", str(self.directory / "first.json"))
        done = self.cli("trace", "-s", "10ms", self.directory / "second.json")
        self.assertEqual(done.code, 1, done)
        self.assertRegex(done.err, "trace: server 0: .*somebody else traces it")
        process.communicate(timeout=harness.PATIENCE)
        self.assertEqual(process.returncode, 0)
        self.ok("trace", "-s", "10ms", self.directory / "second.json") # the first one has let go of it

    def test_embedded(self):
        path = self.directory / "trace.json"
        done = harness.run("--embedded", "", "trace", "-s", "50ms", path)
        self.assertEqual((done.code, done.err), (0, ""), done)
        self.check(path, 1)

    def test_errors(self):
        for words, code, pattern in [
            ([], 2, "trace: .*file"),
            (["-s", "soon", "x"], 2, "--seconds takes a time"),
            (["-s", "0", "x"], 2, "--seconds takes a time"),
            (["-s", "2h", "x"], 2, "--seconds takes a time"),
            (["--spans", "0", "x"], 2, "--spans takes"),
            (["--spans", "2000000", "x"], 2, "--spans takes"),
            (["-s", "10ms", "/none/of/that"], 1, "trace: /none/of/that: No such file"),
        ]:
            with self.subTest(words):
                done = harness.run("--embedded", "", "trace", *words, cwd=self.directory)
                self.assertEqual((done.code, done.out), (code, ""), done)
                self.assertRegex(done.err, pattern)


if __name__ == "__main__":
    unittest.main()
