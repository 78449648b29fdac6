"""servers, stats, the metrics file, doctor: what the servers count, and what is wrong with a machine."""

import ctypes
import errno
import os
import pathlib
import re
import resource
import struct
import subprocess
import time
import unittest

import harness

MIB = 1 << 20


def refuse_io_uring():
    """From now on, in this process and its children, io_uring_setup gives EPERM."""
    load_word, equal, give = 0x20, 0x15, 0x06
    io_uring_setup = 425
    allow, fail = 0x7FFF0000, 0x00050000 | errno.EPERM
    code = [(load_word, 0, 0, 0), (equal, 0, 1, io_uring_setup), (give, 0, 0, fail), (give, 0, 0, allow)]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in code))
    program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(filters))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, by_filter = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) != 0 or libc.prctl(set_seccomp, by_filter, program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no seccomp filter")


class Statistics(harness.Case):
    def test_counts(self):
        self.start(1)
        source = self.directory / "source"
        source.write_bytes(os.urandom(64 * MIB))
        self.ok("put", source, "/a")
        self.ok("get", "/a", self.directory / "back")
        self.assertEqual(self.cli("cat", "/none").code, 1)
        counts = {m["method"]: m for m in self.cli("stats", "--json").json()}
        self.assertEqual(counts["create"]["calls"], 1)
        # The data, and a checksum of 4 bytes for each 4 KiB.
        for method in ["write", "read"]:
            self.assertEqual((counts[method]["calls"], counts[method]["errors"]), (256, 0))
            self.assertEqual(counts[method]["bytes"], 64 * MIB + 64 * MIB // 1024)
        self.assertGreaterEqual(counts["lookup"]["errors"], 1)
        write = counts["write"]
        self.assertEqual(write["measured"], 8)
        for m in counts.values():
            parts = sum(m[part]["sum_ns"] for part in ["network", "queue", "storage"])
            self.assertLessEqual(abs(parts - m["whole"]["sum_ns"]), m["whole"]["sum_ns"] / 10, m)
            self.assertLessEqual(m["whole"]["p50_ns"], m["whole"]["max_ns"])
        for part in ["network", "storage"]:
            self.assertGreater(write[part]["sum_ns"], 0)
        self.assertIn("storage", self.ok("stats"))
        self.assertEqual(self.cli("stats", "--server", "7").code, 2)

    def test_watch(self):
        self.start(2, "--memory")
        out = self.ok("stats", "--watch", "-n", "3", "-i", "50ms")
        self.assertEqual(out.count("method"), 3 + out.count("method_stats"))
        self.assertEqual(len(re.findall("calls/s", out)), 2)

    def test_servers(self):
        self.start(3, "--memory")
        for i in range(9):
            self.ok("touch", f"/{i}")
        servers = self.cli("servers", "--json").json()
        self.assertEqual([s["server"] for s in servers], [0, 1, 2])
        self.assertEqual([s["pid"] for s in servers], [s.process.pid for s in self.servers])
        self.assertEqual(sum(s["files"] for s in servers), 9)
        self.assertEqual({s["engine"] for s in servers}, {"memory"})

    def test_metrics_file(self):
        file = self.directory / "benchfs.prom"
        self.start(1, "--memory", "--metrics-file", str(file), "--metrics-interval", "100ms")
        self.ok("touch", "/a")
        end = time.monotonic() + harness.PATIENCE
        wanted = 'benchfs_calls_total{server="0",method="create"} 1'
        while not (file.exists() and wanted in file.read_text()):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        for line in file.read_text().splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) benchfs_\w+ .+|benchfs_\w+\{[^}]*\} [0-9.]+)$')


class Doctor(harness.Case):
    """Each line is right on this machine, and names the fault when what it checks is broken."""

    def doctor(self, *words, before=None, **more):
        done = subprocess.run([harness.CLI, *words], capture_output=True, text=True, timeout=harness.PATIENCE,
                              env=harness.environment(**more), preexec_fn=before)
        return harness.Result(done.returncode, done.stdout, done.stderr)

    def line(self, done, check):
        found = re.search(rf"(?m)^{re.escape(check)}: (.*)$", done.out)
        self.assertTrue(found, done)
        return found[1]

    def broken(self, done, check, fix):
        self.assertEqual(done.code, 1, done)
        self.assertRegex(self.line(done, check), f"^WRONG.*{fix}")

    def test_sound(self):
        (self.directory / "shm").mkdir()
        done = self.doctor("doctor", "--shm-dir", str(self.directory / "shm"))
        for check in ["io_uring", "network", "shared memory", "stale files", "clock"]:
            self.assertRegex(self.line(done, check), "^OK", done)
        self.assertRegex(self.line(done, "registry"), "^not asked")

    def test_io_uring(self):
        # As kernel.io_uring_disabled does it. (Running out of descriptors would do as well, but then UBSan, which looks at
        # memory through a pipe, takes every object with virtual functions for a broken one.)
        done = self.doctor("doctor", before=refuse_io_uring)
        self.broken(done, "io_uring", "io_uring_disabled")

    def test_network(self):
        self.broken(self.doctor("doctor", UCX_NET_DEVICES="none0"), "network", "UCX_NET_DEVICES")

    def test_memlock(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))
        self.broken(self.doctor("doctor", before=limit), "memlock", "ulimit -l unlimited")

    def test_shared_memory(self):
        self.broken(self.doctor("doctor", "--shm-dir", "/proc"), "shared memory", "remount")
        self.broken(self.doctor("doctor", "--shm-dir", "/none"), "shared memory", "mount")

    def test_stale_files(self):
        stale = self.directory / "ucx_shm_posix_1234"
        stale.write_bytes(b"x" * 4096)
        os.utime(stale, (1, 1))
        done = self.doctor("doctor", "--shm-dir", str(self.directory))
        self.broken(done, "stale files", f"rm {re.escape(str(stale))}")

    def test_registry(self):
        done = self.doctor("--registry-dir", str(self.directory / "none"), "doctor")
        self.broken(done, "registry", "none")
        self.start(1, "--memory")
        self.assertRegex(self.line(self.doctor("--registry-dir", self.registry, "doctor"), "registry"), "^OK, 1 ")
        self.servers[0].kill()
        self.broken(self.doctor("--registry-dir", self.registry, "doctor"), "registry", "stale")

    def test_clock(self):
        self.start(1, "--memory")
        future = time.time() + 3600
        os.utime(pathlib.Path(self.registry) / "server.addr", (future, future))
        self.broken(self.doctor("--registry-dir", self.registry, "doctor"), "clock", "synchronise")


if __name__ == "__main__":
    unittest.main()
