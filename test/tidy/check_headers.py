"""Every header of lib/ compiles alone: it includes what it uses. A header ending in .h must also be plain C.

A header that a source includes before anything else is left to the build, which compiles that source, and one that another
header includes before anything else to the check of that one.
Usage: check_headers.py ROOT BUILD_DIRECTORY COMPILER... | --self-test COMPILER...
Headers that passed are remembered in the build directory until something they include changes.
"""

import pathlib
import subprocess
import sys
import tempfile

import tidy
from tidy import source_tree

CPP_FLAGS = ["-x", "c++", "-std=c++20", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
C_FLAGS = ["-x", "c", "-std=c11", "-Wall", "-Wextra", "-Werror"]


def include_flags(root, build):
    """Where the build looks for headers and what it defines, from all its compile commands."""
    flags = {f"-I{root / 'lib'}": None} # a dict keeps the order
    if build is not None:
        for arguments in source_tree.compile_commands(build).values():
            flags.update((a, None) for a in arguments if a.startswith(("-I", "-isystem/", "-D", "-m")))
    return list(flags)


def compile_alone(root, build, compiler, flags, header):
    """[] if the header compiles, else the first error."""
    name = header.relative_to(root / "lib").as_posix()
    for language in ([CPP_FLAGS, C_FLAGS] if header.suffix == ".h" else [CPP_FLAGS]):
        run = subprocess.run([*compiler, *language, *flags, "-fsyntax-only", "-"], input=f'#include "{name}"\n',
                             cwd=build, text=True, capture_output=True)
        if run.returncode != 0:
            errors = [line for line in run.stderr.splitlines() if "error" in line]
            return [tidy.finding(root, header, f"does not compile alone: {(errors or [run.stderr])[0]}")]
    return []


def built_alone(root):
    """The C++ headers that some source or other header of lib/ includes first; each such chain ends at one that is compiled."""
    found = set()
    sources = source_tree.files(root, source_tree.CODE_FOLDERS, {".cpp"})
    for source in sources + source_tree.files(root, ("lib",), {".hpp"}):
        first = source_tree.includes(source)[:1]
        if first and first[0][0] == '"':
            found.update(source_tree.direct_project_headers(root, source)[:1])
    return {header for header in found if header.suffix == ".hpp"}


def check(root, build, compiler):
    flags = include_flags(root, build)
    version = subprocess.run([*compiler, "--version"], text=True, capture_output=True).stdout
    built = built_alone(root)
    jobs = [(source_tree.fingerprint(root, [header], "alone", version, compiler, flags, CPP_FLAGS, C_FLAGS), header)
            for header in source_tree.files(root, ("lib",), {".hpp", ".h"}) if header not in built]
    with tempfile.TemporaryDirectory() as scratch:
        cache = build / "header-cache" if build else pathlib.Path(scratch)
        findings, checked = source_tree.run_cached(
            cache, jobs, lambda header: compile_alone(root, build, compiler, flags, header))
    print(f"{len(jobs)} headers that nothing includes first, {checked} of them compiled")
    return findings


BAD = {
    "lib/benchfs/base/needs_string.hpp": "#pragma once\nstd::string f();\n",
    "lib/benchfs/base/second.hpp": "#pragma once\nstd::string f();\n",
    "lib/benchfs/base/above.hpp": '#pragma once\n#include "benchfs/base/below.hpp"\n',
    "lib/benchfs/api/not_c.h": "#pragma once\nclass x;\n",
}
GOOD = {
    "lib/benchfs/base/below.hpp": "#pragma once\nstd::string left_to_above();\n",
    "lib/benchfs/base/first.hpp": "#pragma once\nstd::string left_to_the_build();\n",
    "lib/benchfs/base/first.cpp": '#include "benchfs/base/first.hpp"\n#include "benchfs/base/second.hpp"\n',
    "lib/benchfs/base/fine.hpp": "#pragma once\n#include <string>\nstd::string f();\n",
    "lib/benchfs/api/c.h": "#pragma once\nint f(void);\n",
}

if sys.argv[1] == "--self-test":
    sys.exit(tidy.self_test(lambda root: check(root, None, sys.argv[2:]), BAD, GOOD))
lines = check(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), sys.argv[3:])
for line in lines:
    print(line)
print(f"{len(lines)} findings")
sys.exit(1 if lines else 0)
