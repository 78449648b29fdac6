"""Runs clang-tidy 19 or the g++ 12 query over the sources; any finding is an error.

Usage: lint.py --build DIRECTORY --tool tidy|query [--self-test]
The build directory gives the compile commands and keeps the cache. Sources are joined, since most of the time goes
into the headers they share: those of one program or library, or of all libraries, or of all programs in front; where
two of them do not go together, each program or library by itself. The query looks only at coroutines. That each
source compiles alone is for the build to show. With --self-test only the files with known faults in test/tidy/bad/
are checked: every line marked `// EXPECT: names` must be found, and no other.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

import source_tree

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOINED = 64
TOGETHER = {"lib": "lib", "clients": "front", "daemon": "front"} # by folder; the others only with the same arguments
COROUTINE = re.compile(r"\bco_(?:await|return|yield)\b")
FINDING = {
    "tidy": re.compile(r"^(.+?):(\d+):\d+: (?:error|warning): .*\[([\w.,-]+)\]$"),
    "query": re.compile(r'^(.+?):(\d+):\d+: note: "(G12\w)" binds here$'),
}
NOT_PARSED = ("clang-diagnostic-error", "cannot be checked")
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
            if ROOT in file.parents or name == NOT_PARSED[0]:
                found.add((file, int(match[2]), name))
    unparsed = [line for line in run.stderr.splitlines() if "error:" in line]
    if not found and (unparsed or run.returncode != 0):
        reason = unparsed[0] if unparsed else f"exit status {run.returncode}: {run.stderr[-300:]}"
        found.add((path, 0, f"{NOT_PARSED[1]}: {reason}"))
    return sorted(found)


def coroutines_only(sources):
    """The sources that contain a coroutine, and one including source for each such header that they do not include."""
    def has_coroutine(path):
        return COROUTINE.search(source_tree.read(path)) is not None

    closures = {p: set(source_tree.closure(ROOT, p)) for p in sources}
    chosen = [p for p in sources if has_coroutine(p)]
    seen = set().union(*(closures[p] for p in chosen))
    for path in sources:
        if any(has_coroutine(header) for header in closures[path] - seen):
            chosen.append(path)
            seen |= closures[path]
    return sorted(chosen)


def join(commands, sources):
    """[sources]: at most JOINED that are looked at together.

    The large ones come first, or at the end one core would wait for the other.
    """
    groups = {}
    for path in sources:
        groups.setdefault(TOGETHER.get(path.relative_to(ROOT).parts[0], tuple(commands[path])), []).append(path)
    joined = []
    for group in groups.values():
        size = -(-len(group) // -(-len(group) // JOINED)) # evenly
        joined += [group[i:i + size] for i in range(0, len(group), size)]
    return sorted(joined, key=len, reverse=True)


def by_arguments(commands, group):
    """The group in parts with the same arguments, which name the program or library."""
    parts = {}
    for path in group:
        parts.setdefault(tuple(commands[path]), []).append(path)
    return list(parts.values())


def arguments_of(commands, group):
    """All arguments of a group, each once."""
    return list(dict.fromkeys(word for path in group for word in commands[path]))


def joined_source(build, name, group):
    """A source in the build directory that includes the sources of the group, each with a main of its own."""
    path = build / "lint-joined" / f"{name}.cpp"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f'#define main main_{number}\n#include "{member}"\n#undef main\n'
                            for number, member in enumerate(group)))
    return path


def check_all(tool, build):
    sources = set(source_tree.files(ROOT, source_tree.CODE_FOLDERS, {".cpp"}))
    commands = {p: a for p, a in source_tree.compile_commands(build).items() if p in sources}
    if not commands:
        print(f"no sources of this project in {build}/compile_commands.json")
        return 1
    chosen = coroutines_only(sorted(commands)) if tool == "query" else sorted(commands)
    version = subprocess.run([tool_command(tool, "", [])[0], "--version"], text=True, capture_output=True).stdout
    jobs = []
    for group in join(commands, chosen):
        key = source_tree.fingerprint(ROOT, group, tool, version, arguments_of(commands, group),
                                      SETTINGS[tool].read_text())
        jobs.append((key, (key, group)))

    def look_at(name, group):
        source = joined_source(build, name, group)
        found = findings(tool, build, source, arguments_of(commands, group))
        parts = by_arguments(commands, group)
        if len(parts) > 1 and any(what.startswith(NOT_PARSED) for _, _, what in found):
            return [each for number, part in enumerate(parts) for each in look_at(f"{name}-{number}", part)]
        return found

    def check(job):
        return [f"{file.relative_to(ROOT) if ROOT in file.parents else file}:{line}: {name}"
                for file, line, name in look_at(*job)]

    lines, checked = source_tree.run_cached(build / "lint-cache", jobs, check)
    for line in lines:
        print(line)
    print(f"{len(chosen)} files in {len(jobs)} groups, {checked} of them looked at, {len(lines)} findings")
    return 1 if lines else 0


def self_test(tool, build):
    bad = ROOT / "test" / "tidy" / "bad" / f"{tool}.cpp"
    wanted = set()
    for number, line in enumerate(bad.read_text().splitlines(), 1):
        match = re.search(r"// EXPECT: (.+)", line)
        if match:
            wanted.update((number, name) for name in match[1].split())
    joined = joined_source(build, f"self-test-{tool}", [bad])
    found = {(line, name) for file, line, name in findings(tool, build, joined, ["-std=c++20", f"-I{ROOT}/lib"])}
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
