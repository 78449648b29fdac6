"""Runs clang-tidy 19 or the g++ 12 query over the sources; any finding is an error.

Usage: lint.py --build DIRECTORY --tool tidy|query [--self-test]
The build directory gives the compile commands and keeps the cache. With --self-test only the files with known faults
in test/tidy/bad/ are checked: every line marked `// EXPECT: names` must be found, and no other.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

import source_tree

ROOT = pathlib.Path(__file__).resolve().parent.parent
FINDING = {
    "tidy": re.compile(r"^(.+?):(\d+):\d+: (?:error|warning): .*\[([\w.,-]+)\]$"),
    "query": re.compile(r'^(.+?):(\d+):\d+: note: "(G12\w)" binds here$'),
}
SETTINGS = {"tidy": ROOT / ".clang-tidy", "query": ROOT / "tools" / "coro_gcc12.query"}


def tool_command(tool, path, arguments):
    arguments = [*arguments, "-Wno-unknown-warning-option", "-w"]
    if tool == "tidy":
        return ["clang-tidy-19", "--quiet", f"--config-file={SETTINGS[tool]}", str(path), "--", *arguments]
    return ["clang-query-19", "-f", str(SETTINGS[tool]), str(path), "--", *arguments]


def findings(tool, build, path, arguments):
    """[(file, line, name)] for one source; a file that the tool cannot parse is a finding, too."""
    run = subprocess.run(tool_command(tool, path, arguments), cwd=build, text=True, errors="replace",
                         capture_output=True)
    found = set()
    for line in (run.stdout + run.stderr).splitlines():
        match = FINDING[tool].match(line)
        if match:
            file = pathlib.Path(build, match[1]).resolve()
            name = match[3].split(",")[0]
            if ROOT in file.parents or name == "clang-diagnostic-error":
                found.add((file, int(match[2]), name))
    unparsed = [line for line in run.stderr.splitlines() if "error:" in line]
    if not found and (unparsed or run.returncode != 0):
        reason = unparsed[0] if unparsed else f"exit status {run.returncode}: {run.stderr[-300:]}"
        found.add((path, 0, f"cannot be checked: {reason}"))
    return sorted(found)


def check_all(tool, build):
    sources = set(source_tree.files(ROOT, source_tree.CODE_FOLDERS, {".cpp"}))
    commands = {p: a for p, a in source_tree.compile_commands(build).items() if p in sources}
    if not commands:
        print(f"no sources of this project in {build}/compile_commands.json")
        return 1
    version = subprocess.run([tool_command(tool, "", [])[0], "--version"], text=True, capture_output=True).stdout
    jobs = [(source_tree.fingerprint(ROOT, path, tool, version, arguments, SETTINGS[tool].read_text()),
             (path, arguments)) for path, arguments in sorted(commands.items())]

    def check(job):
        return [f"{file.relative_to(ROOT)}:{line}: {name}" for file, line, name in findings(tool, build, *job)]

    lines, checked = source_tree.run_cached(build / "lint-cache", jobs, check)
    for line in lines:
        print(line)
    print(f"{len(jobs)} files, {checked} of them looked at, {len(lines)} findings")
    return 1 if lines else 0


def self_test(tool, build):
    bad = ROOT / "test" / "tidy" / "bad" / f"{tool}.cpp"
    wanted = set()
    for number, line in enumerate(bad.read_text().splitlines(), 1):
        match = re.search(r"// EXPECT: (.+)", line)
        if match:
            wanted.update((number, name) for name in match[1].split())
    found = {(line, name) for file, line, name in findings(tool, build, bad, ["-std=c++20", f"-I{ROOT}/lib"])}
    for line, name in sorted(wanted - found):
        print(f"{bad.name}:{line}: {name} was not found")
    for line, name in sorted(found - wanted):
        print(f"{bad.name}:{line}: {name} was found, but is not expected")
    print(f"{len(wanted)} known faults in {bad.name}")
    return 0 if wanted and wanted == found else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--tool", choices=sorted(FINDING), required=True)
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    program = tool_command(options.tool, "", [])[0]
    if shutil.which(program) is None:
        print(f"{program} is not installed (tools/check installs it)")
        return 77 if options.self_test else 1 # 77: Meson counts the test as skipped
    build = options.build.resolve()
    return (self_test if options.self_test else check_all)(options.tool, build)


sys.exit(main())
