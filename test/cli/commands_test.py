"""Every command once as a script uses it: what it prints, as JSON too, and how it fails. Against a file system inside
the process, one server, and several."""

import re
import unittest

import harness

SCRIPT = """
mkdir -p /d/e        # made with what is above
mkdir -p /d/e
touch /d/empty
truncate -s 10KiB /d/hole
put {dir}/lines /d/lines
chmod 640 /d/lines
cp /d/lines /d/copy
cp -r /d /d2
mv /d2/copy /d2/moved
mv /d2/moved /d2/e
"""


class Commands:
    """Runs the same against each kind of file system; `script` runs lines in one process."""

    def setUp(self):
        super().setUp()
        self.lines = self.directory / "lines"
        self.lines.write_text("".join(f"line {i}\n" for i in range(1, 31)))
        self.prepare()

    def prepare(self):
        pass

    def script(self, text):
        raise NotImplementedError

    def good(self, text):
        done = self.script(text.format(dir=self.directory))
        self.assertEqual((done.code, done.err), (0, ""), done)
        return done.out

    def test_looking(self):
        out = self.good(SCRIPT + "ls /d\nls -R /d2\n")
        self.assertEqual(out, "copy\ne/\nempty\nhole\nlines\n/d2:\ne/\nempty\nhole\nlines\n\n/d2/e:\nmoved\n")
        out = self.good("rm -r /d /d2\n" + SCRIPT + "ls -l -h /d\n")
        self.assertRegex(out, r"(?m)^-rw-r----- 1 \d+ \d+ +231 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d lines$")
        self.assertRegex(out, r"(?m)^-rw-r--r-- .* 10K .* hole$")
        self.assertRegex(out, r"(?m)^drwxr-xr-x .* e$")

    def test_showing(self):
        whole = self.lines.read_text()
        self.assertEqual(self.good("put {dir}/lines /l\ncat /l\n"), whole)
        self.assertEqual(self.good("put {dir}/lines /l\nhead /l\n"), "".join(whole.splitlines(True)[:10]))
        self.assertEqual(self.good("put {dir}/lines /l\ntail -n 3 /l\n"), "line 28\nline 29\nline 30\n")
        self.assertEqual(self.good("put {dir}/lines /l\nhead -c 6 /l\n"), "line 1")
        self.assertEqual(self.good("put {dir}/lines /l\ntail -c 8 /l\n"), "line 30\n")
        self.assertEqual(self.good("put {dir}/lines /l\nhead -n 0 /l\ntail -n 0 /l\n"), "")
        self.assertEqual(self.good("put {dir}/lines /l\ntail -n 99 /l\n"), whole)

    def test_trees(self):
        out = self.good(SCRIPT + "tree /d2\n")
        self.assertEqual(out, "/d2\n|-- e/\n|   `-- moved\n|-- empty\n|-- hole\n`-- lines\n1 directories, 4 files\n")
        out = self.good("find /d2 --type f --size +100\nfind /d2 --name 'mov*'\nfind /d --type d\n")
        self.assertEqual(out, "/d2/e/moved\n/d2/hole\n/d2/lines\n/d2/e/moved\n/d\n/d/e\n")
        out = self.good("du /d2\ndu -s -h /d2/hole\n")
        self.assertEqual(out.split(), ["231", "/d2/e", "10702", "/d2", "10K", "/d2/hole"])

    def test_sums(self):
        out = self.good("put {dir}/lines /l\ncp /l /m\nsum /l /m\n")
        sums = [line.split("  ") for line in out.splitlines()]
        self.assertEqual([path for _, path in sums], ["/l", "/m"])
        self.assertEqual(sums[0][0], sums[1][0])
        self.assertRegex(sums[0][0], "^[0-9a-f]{16}$")
        # XXH64 of no bytes, as everybody has it.
        self.assertEqual(self.good("touch /none\nsum /none\n"), "ef46db3751d8e999  /none\n")

    def test_removing(self):
        self.good(SCRIPT + "rm -r /d\nrm -f /gone\n")
        done = self.script("mkdir /x\nmkdir /x/y\nrmdir /x\n")
        self.assertEqual(done.code, 1)
        self.assertIn("rmdir: /x: directory not empty", done.err)

    def test_information(self):
        out = self.good("put {dir}/lines /l\nstat /l\nwhere /l\ndf\nping -c 3\n")
        self.assertRegex(out, r"(?m)^  size: 231$")
        self.assertRegex(out, r"(?m)^inode:  server \d+$")
        self.assertRegex(out, r"(?m)^chunk 0:  server \d+$")
        self.assertRegex(out, r"(?m)^server 0: .* on average, by \w+$")

    def test_json(self):
        for line, check in {
            "ls --json /": lambda j: self.assertEqual(j[0]["path"], "/l"),
            "stat --json /l": lambda j: self.assertEqual((j[0]["size"], j[0]["mode"]), (231, 0o600)),
            "df --json": lambda j: self.assertEqual(j["servers"], self.count),
            "where --json /l": lambda j: self.assertEqual(j["chunks"][0]["first"], 0),
            "ping --json -c 2": lambda j: self.assertEqual([p["server"] for p in j], list(range(self.count))),
            "find --json / --name l": lambda j: self.assertEqual(j[0]["type"], "file"),
            "du --json /": lambda j: self.assertEqual(j[0], {"path": "/", "bytes": 231, "files": 1}),
            "sum --json /l": lambda j: self.assertEqual(j[0]["path"], "/l"),
            "cp --json /l /m": lambda j: self.assertEqual((j["files_done"], j["complete"]), (1, True)),
        }.items():
            with self.subTest(line):
                done = self.script(f"put {self.lines} /l\nchmod 600 /l\nrm -f /m\n{line}\n")
                self.assertEqual(done.code, 0, done)
                check(done.json())

    def test_errors(self):
        for line, code, pattern in [
            ("cat /none", 1, r"cat: /none: no such file or directory \(look with ls"),
            ("cat /", 1, "cat: /: is a directory"),
            ("ls /none", 1, "ls: /none: no such file"),
            ("rm /", 1, "rm: /: is a directory"),
            ("rm -rf /", 1, "rm: /: invalid argument \\(the root stays; name what is in it\\)"),
            ("rm -rf /d/..", 1, "rm: /d/..: invalid argument \\(the root stays"),
            ("rm -r ''", 1, "rm: : invalid argument"),
            ("ls ''", 1, "ls: : invalid argument"),
            ("mkdir /a/b/c", 1, "mkdir: /a/b/c: no such file"),
            ("put /none/of/that /", 1, "put: /none/of/that: no such file"),
            ("get /none .", 1, "get: /none: no such file"),
            ("mkdir -m 9 /x", 2, "'9' is no mode"),
            ("chmod rwx /x", 2, "'rwx' is no mode"),
            ("truncate /x", 2, "needs the new size: -s BYTES"),
            ("truncate -s much /x", 2, "truncate: .*--size"),
            ("mv /x", 2, "at least two names"),
            ("ls --wrong", 2, "ls: .*--wrong"),
            ("lss", 2, "there is no command 'lss' \\(did you mean 'ls'"),
            ("find --size x /", 2, "--size takes"),
            ("ping -c 0", 2, "--count takes"),
            ("cat 'x", 2, "the line ends inside quotes"),
            ("ls ../..", 1, "ls: ../..: invalid argument"),
        ]:
            with self.subTest(line):
                done = self.script(line + "\n")
                self.assertEqual((done.code, done.out), (code, ""), done)
                self.assertRegex(done.err, pattern)

    def test_script_stops_at_the_first_failure(self):
        done = self.script("touch /a\ncat /none\ntouch /b\n")
        self.assertEqual(done.code, 1)
        self.assertEqual(self.good("ls /\n"), "a\n")


class Embedded(Commands, harness.Case):
    count = 1

    def script(self, text):
        return harness.run("--embedded", self.directory / "data", stdin=text)


class OneServer(Commands, harness.Case):
    count = 1

    def prepare(self):
        self.start(1, "--memory")

    def script(self, text):
        return self.cli(stdin=text)


class SeveralServers(Commands, harness.Case):
    count = 4

    def prepare(self):
        self.start(4, "--memory")
        needs_directories = self._testMethodName in ("test_looking", "test_trees", "test_removing")
        if needs_directories and "not supported" in self.cli("mkdir", "/probe").err:
            self.skipTest("no directories with several servers in this version")
        if needs_directories:
            self.ok("rmdir", "/probe")

    def script(self, text):
        return self.cli(stdin=text)


class Alone(harness.Case):
    """Without any file system."""

    def test_help_of_every_command(self):
        listed = harness.run("help")
        self.assertEqual(listed.code, 0, listed)
        names = re.findall(r"(?m)^  (\w+)", listed.out)
        self.assertGreater(len(names), 25)
        for name in names:
            with self.subTest(name):
                one = harness.run("help", name)
                self.assertEqual((one.code, one.err), (0, ""), one)
                self.assertRegex(one.out, rf"Example:\n  {name}\b")
                self.assertIn("--help", one.out)

    def test_no_file_system(self):
        done = harness.run("ls")
        self.assertEqual(done.code, 3)
        self.assertIn("--registry-dir DIR", done.err)

    def test_bad_options(self):
        self.assertEqual(harness.run("--none", "ls").code, 2)
        self.assertEqual(harness.run("--retry-for", "soon", "ls").code, 2)
        for count in ("-1", "1x", "99999999999999999999"):
            self.assertEqual(harness.run("ping", "-c", count).code, 2)

    def test_no_servers(self):
        done = harness.run("--registry-dir", self.directory, "--connect-wait", "100ms", "ls")
        self.assertEqual(done.code, 3, done)
        self.assertIn(str(self.directory), done.err)


if __name__ == "__main__":
    unittest.main()
