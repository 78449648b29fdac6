"""What the tests of benchfs-cli share: scratch directories, servers, runs of the program, and a terminal for it.

Paths of the programs come from the environment: BENCHFS_CLI and BENCHFSD. Everything that is started is ended by its
own process id.
"""

import contextlib
import json
import os
import pathlib
import pty
import fcntl
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

CLI = os.environ["BENCHFS_CLI"]
BENCHFSD = os.environ["BENCHFSD"]
PATIENCE = 10.0 # seconds; for what normally takes a fraction of one


class Result:
    """How a run ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit code {self.code}\n--- output\n{self.out}\n--- errors\n{self.err}"


def environment(**more):
    # For the build with sanitizers; no other looks at it.
    leaks = f"suppressions={pathlib.Path(__file__).with_name('leaks.supp')}:print_suppressions=0"
    e = {"LSAN_OPTIONS": leaks, **os.environ, "UCX_NET_DEVICES": "lo", **more}
    e.pop("BENCHFS_REGISTRY_DIR", None)
    return e


def run(*words, stdin="", cwd=None, **more):
    """benchfs-cli with these words."""
    done = subprocess.run([CLI, *map(str, words)], input=stdin, capture_output=True, text=True, timeout=PATIENCE,
                          env=environment(**more), cwd=cwd, errors="surrogateescape")
    return Result(done.returncode, done.stdout, done.stderr)


class Server:
    """One benchfsd."""

    def __init__(self, directory, number, count, *arguments):
        self.registry = directory / "registry"
        self.file = self.registry / ("server.addr" if count == 1 else f"server-{number}.addr")
        self.log = directory / f"log-{number}"
        where = ["--memory"] if "--memory" in arguments else ["--data-dir", str(directory / f"data-{number}")]
        rest = [a for a in arguments if a != "--memory"]
        self.command = [BENCHFSD, "--registry-dir", str(self.registry), "--servers", str(count), "--id", str(number),
                        *where, *rest]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=environment())

    def wait(self):
        end = time.monotonic() + PATIENCE
        while not self.file.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the server is not there: {self.log.read_text()}")
            time.sleep(0.01)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


class Case(unittest.TestCase):
    """A test with a directory of its own, and servers in it if it asks for them."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="benchfs-cli-"))
        self.servers = []
        self.addCleanup(self.clean_up)  # also after a skip in setUp, which tearDown is not called after

    def clean_up(self):
        for server in self.servers:
            server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self, count=1, *arguments):
        self.servers = [Server(self.directory, i, count, *arguments) for i in range(count)]
        for server in self.servers:
            server.wait()

    def end(self):
        """Stops the servers, so that a cluster of another size can start."""
        for server in self.servers:
            server.stop()
        shutil.rmtree(self.registry)

    @property
    def registry(self):
        return str(self.directory / "registry")

    def cli(self, *words, **more):
        """Against the servers of this test."""
        return run("--registry-dir", self.registry, *words, **more)

    def ok(self, *words, **more):
        done = self.cli(*words, **more)
        self.assertEqual((done.code, done.err), (0, ""), done)
        return done.out


def tree_of(root):
    """{path: what there is to know of it}, for comparing two trees."""
    found = {}
    for path in [root, *sorted(root.rglob("*"))]:
        info = path.lstat()
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = ("symlink", os.readlink(path))
        elif path.is_dir():
            found[name] = ("directory", info.st_mode)
        else:
            found[name] = ("file", info.st_mode, info.st_mtime_ns, path.read_bytes())
    return found


class Line:
    """The line of a terminal that the cursor is on, after what a line editor sends to change it."""

    TOKEN = re.compile(rb"\x1b\[(\d*)([A-Za-z@])|\x1b.|(.)", re.DOTALL)

    def __init__(self, sent):
        self.text, self.at = [], 0
        for match in self.TOKEN.finditer(sent):
            if match[2]:
                self.control(match[2].decode(), int(match[1] or 1), match[1] == b"")
            elif match[3]:
                self.put(match[3].decode("latin-1"))

    def put(self, c):
        if c == "\r":
            self.at = 0
        elif c == "\n":
            self.text, self.at = [], 0
        elif c == "\b":
            self.at = max(0, self.at - 1)
        elif c >= " ":
            self.text += [" "] * (self.at + 1 - len(self.text))
            self.text[self.at] = c
            self.at += 1

    def control(self, what, n, default):
        if what == "G":
            self.at = n - 1
        elif what == "C":
            self.at += n
        elif what == "D":
            self.at = max(0, self.at - n)
        elif what == "K" and default:
            del self.text[self.at:]
        elif what == "P":
            del self.text[self.at:self.at + n]
        elif what == "@":
            self.text[self.at:self.at] = [" "] * n

    def __str__(self):
        return "".join(self.text)


class Terminal:
    """A program on a terminal of its own, as a person has it."""

    def __init__(self, *command, columns=80, cwd=None, **more):
        self.process, self.seen, self.all = None, b"", b""
        main, other = pty.openpty()
        self.main = main
        self.resize(columns)
        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen([str(c) for c in command], stdin=other, stdout=other, stderr=other, cwd=cwd,
                                        env=environment(TERM="xterm", **more), preexec_fn=own_terminal)
        os.close(other)

    def resize(self, columns):
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def send(self, text):
        os.write(self.main, text.encode())

    def read_some(self, limit):
        """What comes within `limit` seconds; b"" at the end."""
        ready, _, _ = select.select([self.main], [], [], limit)
        if not ready:
            return None
        with contextlib.suppress(OSError):
            got = os.read(self.main, 65536)
            self.all += got
            return got
        return b""

    def expect(self, pattern, limit=PATIENCE):
        """Reads until the pattern is there; gives what came up to its end, and forgets it."""
        end = time.monotonic() + limit
        while True:
            match = re.search(pattern.encode(), self.seen, re.DOTALL)
            if match:
                text, self.seen = self.seen[:match.end()], self.seen[match.end():]
                return text.decode(errors="replace")
            more = self.read_some(max(0, end - time.monotonic()))
            if not more:
                raise AssertionError(f"{pattern!r} did not come; what came: {self.seen.decode(errors='replace')!r}")
            self.seen += more

    def expect_line(self, pattern, limit=PATIENCE):
        """Reads until the line that the cursor is on looks so."""
        end = time.monotonic() + limit
        while not re.search(pattern, str(Line(self.all))):
            more = self.read_some(max(0, end - time.monotonic()))
            if not more:
                raise AssertionError(f"{pattern!r} did not come; the line is {str(Line(self.all))!r}")
            self.seen += more

    def end(self):
        """The exit code, once the program has ended."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            more = self.read_some(0.05)
            if more:
                self.seen += more
        return self.process.wait(1)

    def close(self):
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait(PATIENCE)
        os.close(self.main)
