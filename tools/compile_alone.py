"""Parses each source by itself, as a plain build would: a joined build (-Dunity=on) hides what a source forgot to include
behind what its neighbours include.

Usage: compile_alone.py --build DIRECTORY | --self-test
The build directory gives the compile commands and keeps the cache: what passed is remembered until something that it
includes changes. Headers of the standard library are parsed once for all (which of them a source forgot does not show
by that; those of the project do). Tests are left to everyday builds.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import source_tree

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILER = "clang++-19"
# What a precompiled header and its user have to agree on.
COMMON = ["-std=c++20", "-msse4.2", "-D_FILE_OFFSET_BITS=64", "-pthread", "-w"]


def parse(arguments, cwd):
    return subprocess.run([COMPILER, *COMMON, *arguments], cwd=cwd, text=True, errors="replace", capture_output=True)


def standard_headers(sources, scratch):
    """[arguments] that bring the standard headers which the sources and their headers name; [] if that fails."""
    members = {member for source in sources for member in source_tree.closure(ROOT, source)}
    named = {name for member in members for mark, name in source_tree.includes(member)
             if mark == "<" and re.fullmatch(r"[a-z_]+", name)}
    header, compiled = scratch / "standard.hpp", scratch / "standard.pch"
    header.write_text("".join(f"#include <{name}>\n" for name in sorted(named)))
    made = parse(["-x", "c++-header", str(header), "-o", str(compiled)], scratch)
    return ["-include-pch", str(compiled)] if made.returncode == 0 else []


def first_error(source, arguments, cwd):
    """[] if the source can be parsed, else its first error."""
    run = parse(["-fsyntax-only", *arguments, str(source)], cwd)
    if run.returncode == 0:
        return []
    errors = [line for line in run.stderr.splitlines() if "error:" in line]
    return [(errors or [f"{source}: exit status {run.returncode}"])[0]]


def check_all(build):
    sources = set(source_tree.files(ROOT, source_tree.CODE_FOLDERS, {".cpp"}))
    commands = {p: a for p, a in source_tree.compile_commands(build).items() if p in sources}
    version = subprocess.run([COMPILER, "--version"], text=True, capture_output=True).stdout
    jobs = [(source_tree.fingerprint(ROOT, [p], "source", version, COMMON, arguments), p)
            for p, arguments in sorted(commands.items())]
    with tempfile.TemporaryDirectory() as scratch:
        standard = standard_headers(commands, pathlib.Path(scratch))
        lines, checked = source_tree.run_cached(build / "alone-cache", jobs,
                                                lambda p: first_error(p, [*standard, *commands[p]], build))
    for line in lines:
        print(line)
    print(f"{len(jobs)} sources, {checked} of them parsed, {len(lines)} of them not alone")
    return 1 if lines or not jobs else 0


def self_test():
    """A source that lives on its neighbour's include is found; one that does not is not."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "part.hpp").write_text("#pragma once\nstruct part {};\n")
        good, bad = folder / "good.cpp", folder / "bad.cpp"
        good.write_text('#include "part.hpp"\npart first;\n')
        bad.write_text("part second;\n")
        (folder / "joined.cpp").write_text('#include "good.cpp"\n#include "bad.cpp"\n')
        wrong = first_error(folder / "joined.cpp", [], folder) + first_error(good, [], folder)
        found = first_error(bad, [], folder)
    print(f"not expected: {wrong}, found: {found}")
    return 1 if wrong or len(found) != 1 else 0


parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
what = parser.add_mutually_exclusive_group(required=True)
what.add_argument("--build", type=pathlib.Path)
what.add_argument("--self-test", action="store_true")
options = parser.parse_args()
if shutil.which(COMPILER) is None:
    print(f"{COMPILER} is not installed (tools/check installs it)")
    sys.exit(77 if options.self_test else 1) # 77: Meson counts the test as skipped
sys.exit(self_test() if options.self_test else check_all(options.build.resolve()))
