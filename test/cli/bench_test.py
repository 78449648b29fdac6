"""bench against a file system inside the process and real servers: its table, what it verifies and cleans up."""

import json
import signal
import subprocess
import time
import unittest

import harness

KIB = 1024


class Bench(harness.Case):
    SMALL = ["-b", "4M", "-n", "50", "-f", "40", "-d", "3"]
    OPERATIONS = ["write 1 MiB", "read 1 MiB", "write 4 KiB", "read 4 KiB", "create", "stat", "unlink"]

    def check(self, run, servers):
        done = run("bench", "--json", *self.SMALL)
        self.assertEqual((done.code, done.err), (0, ""), done)
        report = done.json()
        self.assertEqual((report["servers"], report["depth"]), (servers, 3))
        self.assertEqual(report["verified_bytes"], 4 * KIB * KIB + 50 * 4 * KIB)
        self.assertEqual([r["operation"] for r in report["rows"]], self.OPERATIONS)
        self.assertEqual([r["count"] for r in report["rows"]], [4, 4, 50, 50, 40, 40, 40])
        for row in report["rows"]:
            self.assertGreater(row["per_second"], 0)
            self.assertTrue(0 < row["p50_ns"] <= row["p99_ns"] <= row["max_ns"], row)

    def test_embedded(self):
        self.check(lambda *words: harness.run("--embedded", self.directory / "data", *words), 1)
        left = harness.run("--embedded", self.directory / "data", "find", "/")
        self.assertEqual(left.out, "/\n")

    def test_servers(self):
        for servers in 1, 3:
            with self.subTest(servers):
                self.start(servers, "--memory", "--memory-ahead", "16MiB")
                self.check(self.cli, servers)
                self.ok("mkdir", "/here")
                out = self.ok("bench", *self.SMALL, "/here")
                for operation in self.OPERATIONS:
                    self.assertRegex(out, rf"(?m)^{operation} +\d+ +\d+ ")
                self.assertRegex(out, f"{servers} server.*, 3 operations at a time; 4.20 MiB read back and found right")
                self.assertEqual(self.ok("find", "/"), "/\n/here\n") # cleaned up
                self.assertEqual(json.loads(self.ok("--json", "fsck"))["chunks"], 0)
                self.end()

    def test_interrupted(self):
        self.start(1, "--memory", "--memory-ahead", "16MiB")
        process = subprocess.Popen([harness.CLI, "--registry-dir", self.registry, "bench", "-f", "50000000"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=harness.environment())
        end = time.monotonic() + harness.PATIENCE
        while "bench" not in self.cli("find", "/").out:
            self.assertLess(time.monotonic(), end)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=harness.PATIENCE)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("stopped", err)
        self.assertEqual(self.ok("find", "/"), "/\n")

    def test_errors(self):
        for words, code, pattern in [
            (["-d", "0"], 2, "--depth takes 1 to 256"),
            (["-b", "1000"], 2, "--bytes takes whole MiB"),
            (["-b", "lots"], 2, "--bytes"),
            (["/none"], 1, "bench: /none/.benchfs-bench-\\d+: no such file"),
        ]:
            with self.subTest(words):
                done = harness.run("--embedded", "", "bench", *words)
                self.assertEqual((done.code, done.out), (code, ""), done)
                self.assertRegex(done.err, pattern)


if __name__ == "__main__":
    unittest.main()
