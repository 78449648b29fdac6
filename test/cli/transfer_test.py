"""put, get and cp: trees come back identical, what was stopped is resumed, Ctrl-C ends it cleanly, and a server that is
gone is named."""

import os
import random
import signal
import subprocess
import time
import unittest

import harness

MIB = 1 << 20


def make_tree(root):
    """Names, sizes, modes and times of all kinds."""
    generator = random.Random(7)
    root.mkdir()
    for number, size in enumerate([0, 1, 4095, 4096, 4097, 65536, MIB - 1, MIB, MIB + 1, 5 * MIB + 12345]):
        path = root / f"size {number}"
        path.write_bytes(generator.randbytes(size))
        path.chmod([0o644, 0o600, 0o755, 0o400][number % 4])
        os.utime(path, ns=(number * 10**9, 1_600_000_000_123_456_789 + number))
    for name in ["with space", "caf\u00e9", "new\nline", "\\back'quote\"", "-dash", "#hash", b"\xff\xfe".decode(errors="surrogateescape")]:
        (root / name).write_text("x")
    deep = root
    for level in range(12):
        deep = deep / f"level{level}"
        deep.mkdir()
        (deep / "file").write_text(str(level))
    (root / "empty directory").mkdir()
    (root / "read only").mkdir()
    (root / "read only" / "file").write_text("inside")
    (root / "read only").chmod(0o555)


class Transfers(harness.Case):
    def there_and_back(self, source, *options):
        self.ok("put", *options, source, "/tree")
        self.ok("get", *options, "/tree", self.directory / "back")
        self.assertEqual(harness.tree_of(source), harness.tree_of(self.directory / "back"))

    def test_tree_io_uring(self):
        self.start(1)
        make_tree(self.directory / "tree")
        self.there_and_back(self.directory / "tree")

    def test_tree_memory(self):
        self.start(1, "--memory")
        make_tree(self.directory / "tree")
        self.there_and_back(self.directory / "tree")
        self.ok("cp", "-r", "/tree", "/copy")
        self.assertEqual(self.ok("sum", "/tree").replace("  /tree/", "  /copy/"), self.ok("sum", "/copy"))

    def test_tree_read_back(self):
        self.start(1)
        make_tree(self.directory / "tree")
        self.there_and_back(self.directory / "tree", "--read-back")

    def test_tree_embedded(self):
        make_tree(self.directory / "tree")
        done = harness.run("--embedded", self.directory / "data",
                           stdin=f"put {self.directory}/tree /tree\nget /tree {self.directory}/back\n")
        self.assertEqual((done.code, done.err), (0, ""), done)
        self.assertEqual(harness.tree_of(self.directory / "tree"), harness.tree_of(self.directory / "back"))

    def test_several_servers(self):
        self.start(3, "--memory")
        source = self.directory / "file"
        source.write_bytes(random.Random(1).randbytes(25 * MIB + 77))
        self.ok("put", source, "/file")
        self.ok("get", "/file", self.directory / "back")
        self.assertEqual(source.read_bytes(), (self.directory / "back").read_bytes())
        servers = {run["server"] for run in self.cli("where", "--json", "/file").json()["chunks"]}
        self.assertEqual(servers, {0, 1, 2})

    def test_targets(self):
        self.start(1, "--memory")
        file = self.directory / "f"
        file.write_text("1")
        self.ok("mkdir", "/d")
        self.ok("put", file, "/d")
        self.ok("put", file, "/d/g")
        self.ok("put", file, file, "/d")
        self.assertEqual(self.ok("ls", "/d"), "f\ng\n")
        self.assertEqual(self.cli("put", file, file, "/none").code, 1)
        self.assertEqual(self.cli("put", file, file, "/d/f").code, 1)
        self.ok("cp", "-r", "/d", "/copy")
        self.ok("cp", "-r", "-T", "/d", "/copy")
        self.ok("cp", "-r", "--resume", "/d", "/copy")
        self.assertEqual(self.ok("ls", "/copy"), "f\ng\n")
        self.ok("cp", "-r", "/d", "/copy")
        self.ok("cp", "-r", "--resume", "/d", "/copy")
        self.assertEqual(self.ok("ls", "/copy"), "d/\nf\ng\n")
        self.ok("rm", "-r", "/copy")
        self.assertIn("same", self.cli("cp", "/d/f", "/d/../d/f").err)
        self.assertEqual(self.ok("cat", "/d/f"), "1")
        self.assertIn("is a directory", self.cli("cp", "/d", "/e").err)
        self.ok("get", "/d", cwd=self.directory)
        self.assertEqual((self.directory / "d" / "g").read_text(), "1")
        # A longer file that is replaced leaves nothing of itself behind.
        file.write_text("longer than before")
        self.ok("put", file, "/d/f")
        file.write_text("2")
        self.ok("put", file, "/d/f")
        self.assertEqual(self.ok("cat", "/d/f"), "2")

    def test_symlinks(self):
        """Kept as they are, broken ones too; -L copies what they point to."""
        self.start(1, "--memory")
        tree = self.directory / "tree"
        tree.mkdir()
        (tree / "file").write_text("content")
        (tree / "link").symlink_to("file")
        (tree / "broken").symlink_to("nowhere")
        self.ok("put", tree, "/tree")
        self.ok("get", "/tree", self.directory / "back")
        self.assertEqual(harness.tree_of(tree), harness.tree_of(self.directory / "back"))
        self.assertEqual(self.ok("cat", "/tree/link"), "content")
        self.assertIn("link -> file", self.ok("ls", "-l", "/tree"))
        (tree / "broken").unlink()
        self.ok("put", "-L", tree, "/followed")
        self.assertEqual(self.ok("cat", "/followed/link"), "content")
        self.assertNotIn("->", self.ok("ls", "-l", "/followed"))

    def test_links_are_made_and_removed_without_what_they_point_to(self):
        self.start(1, "--memory")
        self.ok("mkdir", "-p", "/data/step1")
        self.ok("touch", "/data/step1/out")
        self.ok("ln", "-s", "data/step1", "/latest")
        self.assertIn("latest -> data/step1", self.ok("ls", "-l", "/latest"))
        self.assertEqual(self.ok("ls", "/latest").split(), ["out"])
        self.assertEqual(self.ok("find", "/", "--type", "l").split(), ["/latest"])
        hard = self.cli("ln", "/data/step1/out", "/hard")
        self.assertNotEqual(hard.code, 0)
        self.assertIn("hard links are not supported", hard.err)
        self.ok("rm", "-r", "/latest")
        self.assertEqual(self.ok("ls", "/data/step1").split(), ["out"])
        self.ok("ln", "-s", "/loop", "/loop")
        self.assertIn("symbolic links", self.cli("cat", "/loop").err)

    def test_faults_of_single_files(self):
        self.start(1, "--memory")
        tree = self.directory / "tree"
        tree.mkdir()
        (tree / "good").write_text("good")
        os.mkfifo(tree / "pipe")
        done = self.cli("put", tree, "/tree")
        self.assertEqual(done.code, 1)
        self.assertIn("pipe: operation not supported (neither a file", done.err)
        self.assertEqual(self.ok("cat", "/tree/good"), "good")

    def test_no_space(self):
        self.start(1, "--memory", "--memory-limit", "8MiB")
        big = self.directory / "big"
        big.write_bytes(bytes(1) * (64 * MIB))
        done = self.cli("put", big, "/big")
        self.assertEqual(done.code, 1)
        self.assertIn("no space left", done.err)
        self.assertIn("see df", done.err)

    def killed_then_resumed(self, source, total, half_there, put_options=()):
        """Kills a put when half of it is there; gives the counts of the one that takes it up."""
        with subprocess.Popen([harness.CLI, "--registry-dir", self.registry, "put", *put_options, source, "/copy"],
                              env=harness.environment(), stdout=subprocess.PIPE, text=True) as put:
            half_there(put)
            put.kill()
        counts = self.cli("put", "--json", "--resume", source, "/copy").json()
        self.assertTrue(counts["complete"], counts)
        self.assertEqual(counts["bytes_sent"] + counts["bytes_kept"], total)
        self.assertLessEqual(counts["bytes_sent"], 0.6 * total)
        self.ok("get", "/copy", self.directory / "back")

    def test_killed_file_is_resumed(self):
        self.start(1)
        source, total = self.directory / "source", 512 * MIB + 17
        source.write_bytes(os.urandom(MIB) * 512 + b"the end of a file")

        def half_there(_):
            end = time.monotonic() + harness.PATIENCE
            while time.monotonic() < end:
                seen = self.cli("stat", "--json", "/copy")
                if seen.code == 0 and seen.json()[0]["size"] > total // 2:
                    return
            self.fail("the put never got that far")

        self.killed_then_resumed(source, total, half_there)
        self.assertEqual(subprocess.run(["cmp", source, self.directory / "back"]).returncode, 0)
        again = self.cli("get", "--json", "--resume", "/copy", self.directory / "back").json()
        self.assertEqual((again["bytes_sent"], again["bytes_kept"]), (0, total))

    def test_killed_tree_is_resumed(self):
        self.start(1)
        source = self.directory / "source"
        source.mkdir()
        for i in range(600):
            (source / f"file number {i} of a tree of many files").write_bytes(os.urandom(100_000))

        def half_there(put):
            for _ in range(360):
                self.assertIn("verified", put.stdout.readline())

        self.killed_then_resumed(source, 600 * 100_000, half_there, ["-v"])
        self.assertEqual(harness.tree_of(source), harness.tree_of(self.directory / "back"))

    def test_resume_repairs(self):
        """What is there is believed only where it is equal."""
        self.start(1)
        source = self.directory / "source"
        source.write_bytes(os.urandom(3 * MIB))
        self.ok("put", source, "/copy")
        damaged = bytearray(source.read_bytes())
        damaged[MIB + 5] ^= 1
        other = self.directory / "other"
        other.write_bytes(damaged + b"too long")
        self.ok("put", other, "/copy")
        counts = self.cli("put", "--json", "--resume", source, "/copy").json()
        piece = MIB // 4
        self.assertEqual((counts["bytes_sent"], counts["bytes_kept"]), (piece, 3 * MIB - piece))
        self.ok("get", "/copy", self.directory / "back")
        self.assertEqual(source.read_bytes(), (self.directory / "back").read_bytes())

    def test_terminated(self):
        """A job scheduler's SIGTERM is as good as Ctrl-C."""
        self.start(1)
        source = self.directory / "source"
        with open(source, "wb") as f:
            f.truncate(4096 * MIB)
        with subprocess.Popen([harness.CLI, "--registry-dir", self.registry, "put", source, "/copy"],
                              env=harness.environment(), stderr=subprocess.PIPE, text=True) as put:
            while self.cli("stat", "/copy").code != 0:
                self.assertIsNone(put.poll())
            put.send_signal(signal.SIGTERM)
            _, errors = put.communicate(timeout=harness.PATIENCE)
        self.assertEqual(put.returncode, 130, errors)
        self.assertRegex(errors, r"put: stopped: 0 of 1 files are complete, .* of 4.00 GiB are there; .*--resume")

    def test_dead_server(self):
        self.start(2, "--memory")
        for i in range(20):
            self.ok("touch", f"/{i}")
        self.servers[1].kill()
        # Through the registry: its process is seen to be gone.
        done = self.cli("--connect-wait", "100ms", "ls", "/")
        self.assertEqual(done.code, 3, done)
        self.assertIn("server-1.addr is stale", done.err)


if __name__ == "__main__":
    unittest.main()
