"""fsck against real servers: clean, with planted faults, after a server has lost everything."""

import os
import subprocess
import time
import unittest

import harness

PLANT = os.environ["BENCHFS_PLANT"]
KIB = 1024


class Fsck(harness.Case):
    def fsck(self, *words, code=0):
        done = self.cli("fsck", "--json", *words)
        self.assertEqual((done.code, done.err), (code, ""), done)
        return done.json()

    def kinds(self, report):
        return sorted({f["kind"] for f in report["faults"]})

    def plant(self, what, path):
        done = subprocess.run([PLANT, self.registry, what, path], capture_output=True, text=True,
                              timeout=harness.PATIENCE, env=harness.environment())
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stdout)

    def fill(self, size=1000 * KIB):
        source = self.directory / "source"
        source.write_bytes(os.urandom(size))
        self.ok("mkdir", "-p", "/d/e")
        for i in range(6):
            self.ok("put", source, f"/d/f{i}")
        self.ok("mv", "/d/f0", "/d/e/moved")
        self.ok("truncate", "-s", "5M", "/d/hole")
        self.ok("ln", "-s", "f1", "/d/link")

    def test_clean(self):
        for servers in 1, 3:
            with self.subTest(servers):
                self.start(servers, "--memory", "--chunk-size", "64KiB", "--memory-ahead", "16MiB")
                self.fill()
                report = self.fsck("--deep")
                self.assertEqual(report["faults"], [])
                self.assertEqual((report["servers"], report["files"], report["directories"]), (servers, 8, 3))
                self.assertEqual(report["bytes_read"], 6 * 1000 * KIB)
                self.assertEqual((report["holes"], report["files_with_holes"]), (80, 1))
                self.assertRegex(self.ok("fsck"), r"8 files, 3 directories.*80 chunks in 1 files are holes.*\nno faults\n$")
                self.assertEqual(self.fsck("--repair")["left"], 0)
                self.end()

    def test_missing_chunk(self):
        for servers in 1, 3:
            with self.subTest(servers):
                self.start(servers, "--memory", "--chunk-size", "64KiB", "--memory-ahead", "16MiB")
                self.fill()
                chunk = self.plant("missing", "/d/f2")
                report = self.fsck(code=1)
                self.assertEqual([(f["kind"], f["path"], f["chunk"]) for f in report["faults"]],
                                 [("missing_chunk", "/d/f2", chunk)])
                report = self.fsck("--repair", code=1) # the bytes are nowhere
                self.assertEqual((report["left"], report["faults"][0]["repaired"]), (1, False))
                shown = self.cli("fsck", "--repair")
                self.assertEqual(shown.code, 1)
                self.assertRegex(shown.out, r"(?m)^missing_chunk: /d/f2: chunk \d+ on server \d.*; left: .*\n")
                self.assertIn("1 faults, 1 left\n", shown.out)
                self.end()

    def test_wrong_size(self):
        self.start(3, "--chunk-size", "64KiB")
        self.fill()
        chunk = self.plant("beyond", "/d/e/moved")
        report = self.fsck(code=1)
        self.assertEqual([(f["kind"], f["path"], f["chunk"]) for f in report["faults"]],
                         [("wrong_size", "/d/e/moved", chunk)])
        self.assertEqual(self.fsck("--repair")["faults"][0]["outcome"], f"the file has {chunk * 64 * KIB + 1000} bytes now")
        self.assertEqual(self.fsck()["faults"], [])
        # Also after a kill: what was repaired is in the servers' logs.
        for server in self.servers:
            server.kill()
        self.start(3, "--chunk-size", "64KiB")
        self.assertEqual(self.cli("stat", "--json", "/d/e/moved").json()[0]["size"], chunk * 64 * KIB + 1000)
        self.assertEqual(self.fsck("--deep")["faults"], [])

    def test_a_server_that_lost_everything(self):
        self.start(3, "--memory", "--chunk-size", "64KiB", "--memory-ahead", "16MiB")
        source = self.directory / "source"
        source.write_bytes(os.urandom(1000 * KIB))
        homes = {}
        for i in range(12):
            self.ok("put", source, f"/f{i}")
            homes[f"/f{i}"] = self.cli("where", "--json", f"/f{i}").json()["inode"]
        self.assertEqual(set(homes.values()), {0, 1, 2})
        # A name on one server for a file on another, both ways round with the one that dies.
        names = {}
        for path, home in homes.items():
            for i in range(20):
                new = f"{path}-{i}"
                self.ok("mv", path, new)
                names[new] = home
                entry = self.cli("where", "--json", new).json()["entry"]
                if (home == 1) != (entry == 1):
                    break
                self.ok("mv", new, path)
                del names[new]
        self.servers[1].kill()
        done = self.cli("--connect-wait", "300ms", "fsck")
        self.assertEqual(done.code, 3, done)
        self.assertIn("1", done.err)
        self.servers[1] = harness.Server(self.directory, 1, 3, "--memory", "--chunk-size", "64KiB",
                                         "--memory-ahead", "16MiB")
        time.sleep(0.1)
        self.servers[1].wait()
        report = self.fsck(code=1)
        self.assertEqual(self.kinds(report), ["dangling_name", "missing_chunk", "nameless_file", "orphan_chunk"])
        lost = [path for path, home in names.items() if home == 1]
        self.assertEqual(sorted(f["path"] for f in report["faults"] if f["kind"] == "dangling_name"), sorted(lost))
        repaired = self.fsck("--repair", code=1)
        self.assertEqual({f["kind"] for f in repaired["faults"] if not f["repaired"]}, {"missing_chunk"})
        self.assertEqual(len(repaired["faults"]), len(report["faults"]))
        self.assertEqual(self.kinds(self.fsck(code=1)), ["missing_chunk"])
        found = self.ok("ls", "/lost+found").split()
        self.assertEqual(len(found), sum(f["kind"] == "nameless_file" for f in report["faults"]))
        self.assertGreater(len(found), 0)
        self.assertEqual(self.ok("ls", "/").split(),
                         sorted(["lost+found/", *(p[1:] for p, home in names.items() if home != 1 and
                                                 self.cli("stat", p).code == 0)]))

    def test_unreadable_chunk(self):
        self.start(1)
        source = self.directory / "source"
        content = os.urandom(256 * KIB)
        source.write_bytes(content)
        self.ok("put", source, "/good")
        source.write_bytes(content := os.urandom(256 * KIB))
        self.ok("put", source, "/bad")
        self.assertEqual(self.fsck("--deep")["faults"], [])
        for segment in (self.directory / "data-0").rglob("*"):
            at = segment.read_bytes().find(content[100 * KIB:101 * KIB]) if segment.is_file() else -1
            if at >= 0:
                break
        self.assertGreaterEqual(at, 0)
        with open(segment, "r+b") as file:
            file.seek(at)
            file.write(bytes([content[100 * KIB] ^ 1]))
        self.assertEqual(self.fsck()["faults"], []) # only reading shows it
        report = self.fsck("--deep", "--repair", code=1)
        self.assertEqual([(f["kind"], f["path"], f["chunk"]) for f in report["faults"]],
                         [("unreadable_chunk", "/bad", 0)])

    def test_usage(self):
        for words, pattern in [(["--wrong"], "fsck: .*--wrong"), (["/d"], "fsck: .*/d")]:
            done = harness.run("--embedded", "", "fsck", *words)
            self.assertEqual(done.code, 2, done)
            self.assertRegex(done.err, pattern)
        self.assertIn("no faults", harness.run("--embedded", "", "fsck").out)


if __name__ == "__main__":
    unittest.main()
