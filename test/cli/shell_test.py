"""The shell as a person uses it, on a terminal: completion, history, Ctrl-C, the progress line, a server that dies."""

import os
import re
import time
import unittest

import harness

PROMPT = r"benchfs:[^>]*> "
MIB = 1 << 20


class Shell(harness.Case):
    def setUp(self):
        super().setUp()
        self.terminal = None

    def tearDown(self):
        if self.terminal:
            self.terminal.close()
        super().tearDown()

    def open(self, *words, **more):
        self.terminal = harness.Terminal(harness.CLI, *words, HOME=str(self.directory), cwd=self.directory, **more)
        self.terminal.expect(PROMPT)

    def embedded(self, **more):
        self.open("--embedded", "", **more)

    def do(self, line):
        """Types a line; gives what is shown before the next prompt."""
        self.terminal.seen = b"" # prompts that completion has drawn again
        self.terminal.send(line + "\r")
        return self.terminal.expect(PROMPT)

    def leave(self):
        self.terminal.send("\x04")
        return self.terminal.end()

    def test_working_directory(self):
        self.embedded()
        self.do("mkdir -p /a/b")
        self.assertIn("benchfs:/a> ", self.do("cd a"))
        self.do("touch f")
        self.assertIn("benchfs:/a/b> ", self.do("cd b"))
        self.assertIn("/a/b\r\n", self.do("pwd"))
        self.assertIn("f\r\n", self.do("ls .."))
        self.assertIn("not a directory", self.do("cd ../f"))
        self.assertIn("benchfs:/> ", self.do("cd"))
        self.terminal.send("quit\r")
        self.assertEqual(self.terminal.end(), 0)

    def test_completion(self):
        self.embedded()
        self.terminal.send("mkd\t")
        self.terminal.expect_line("mkdir ")
        self.do("-p /results/run1 /results/run2 '/with space'")
        # One directory: its name, and no blank, so that one can go on.
        self.terminal.send("touch /res\t")
        self.terminal.expect_line("/results/")
        self.terminal.send("\t")
        self.terminal.expect_line("/results/run")
        # Nothing more to add: what there is to choose from.
        self.terminal.send("\t")
        self.terminal.expect("run1/ +run2/")
        self.terminal.send("1/file\r")
        self.terminal.expect(PROMPT)
        self.assertIn("file\r\n", self.do("ls /results/run1"))
        # What needs quoting is quoted.
        self.terminal.send("ls -d /wi\t")
        self.terminal.expect_line(r"/with\\ space/")
        self.assertIn("/with space/", self.do(""))
        # cd knows directories only; the working directory counts.
        self.do("cd results/run1")
        self.terminal.send("cat fi\t")
        self.terminal.expect_line("file ")
        self.do("")
        # A command's name as the argument of help; a file of this machine for put.
        (self.directory / "local-input").write_text("1")
        self.terminal.send("help trunc\t")
        self.terminal.expect_line("truncate ")
        self.assertIn("Example:", self.do(""))
        self.terminal.send("put local-\t")
        self.terminal.expect_line("local-input ")
        self.do("copy")
        self.assertIn("1", self.do("cat copy"))
        self.assertEqual(self.leave(), 0)

    def test_history(self):
        self.embedded()
        self.do("touch /first")
        self.do("touch /second")
        self.terminal.send("\x1b[A\x1b[A")
        self.terminal.expect_line("touch /first")
        self.do("")
        self.leave()
        self.terminal.close()
        # It is there again in the next shell.
        self.embedded()
        self.terminal.send("\x1b[A")
        self.terminal.expect_line("touch /first")
        self.terminal.send("\x15")
        self.leave()

    def test_ctrl_c_at_the_prompt(self):
        self.embedded()
        self.terminal.send("rm -r /")
        self.terminal.expect("rm -r /")
        self.terminal.send("\x03")
        self.terminal.expect(PROMPT)
        self.assertIn("/\r\n", self.do("pwd"))
        self.assertEqual(self.leave(), 0)

    def test_ctrl_c_stops_a_transfer(self):
        self.start(1)
        source = self.directory / "big"
        with open(source, "wb") as f:
            f.truncate(8192 * MIB)
        self.open("--registry-dir", self.registry, columns=100)
        self.terminal.send("put big /big\r")
        line = self.terminal.expect(r"\[#*\.*\] +\d+%[^\r]*left[^\r]*files")
        self.assertLess(len(line.split("\x1b[K")[-1]), 100)
        # A narrower terminal: the line shrinks with it.
        self.terminal.resize(30)
        time.sleep(0.3)
        self.terminal.seen = b""
        narrow = self.terminal.expect(r"\x1b\[K[^\r]*\r\x1b\[K")
        drawn = [part for part in re.split(r"\r|\x1b\[K", narrow) if part]
        self.assertTrue(drawn)
        for part in drawn:
            self.assertLess(len(part), 30)
        self.terminal.send("\x03")
        said = self.terminal.expect(PROMPT)
        self.assertIn("stopped", said)
        self.assertIn("--resume", said)
        # The shell lives on, and so does what is there.
        self.assertRegex(self.do("ls -l -h /"), r"\d+[MG] .* big")
        self.assertEqual(self.leave(), 0)

    def test_errors_do_not_end_it(self):
        self.embedded()
        self.assertIn("no such file", self.do("cat /none"))
        self.assertIn("did you mean", self.do("lls"))
        self.assertIn("inside quotes", self.do("cat 'x"))
        self.terminal.send("quit\r")
        self.assertEqual(self.terminal.end(), 0)

    def test_a_server_dies(self):
        self.start(2, "--memory")
        self.open("--registry-dir", self.registry)
        self.do("touch /a /b /c /d")
        self.servers[1].kill()
        before = time.monotonic()
        said = self.do("ls /")
        # retry_for, the search for the silent one, and the machine's other work.
        self.assertLess(time.monotonic() - before, 20)
        self.assertIn("ls: /: ", said)
        self.assertIn("server 1 of 2", said)
        self.assertNotIn("server 0 of 2", said)
        self.assertIn("server-1.addr", said)
        self.assertIn("/\r\n", self.do("pwd"))
        # It works again once the server is back.
        self.servers[1] = harness.Server(self.directory, 1, 2, "--memory")
        end = time.monotonic() + harness.PATIENCE
        while "benchfs-cli:" in self.do("ls /") and time.monotonic() < end:
            time.sleep(0.1)
        self.assertNotIn("benchfs-cli:", self.do("ls /"))
        self.leave()

    def test_idle_connection_lives(self):
        """At the prompt nobody serves the connection for a while."""
        self.start(1, "--memory")
        self.open("--registry-dir", self.registry)
        self.do("touch /a")
        time.sleep(3)
        self.assertIn("a\r\n", self.do("ls /"))
        self.leave()


if __name__ == "__main__":
    unittest.main()
