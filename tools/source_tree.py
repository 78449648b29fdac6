"""What the checkers share: the project's files, who includes whom, compile flags, and a cache of passed checks.

A check of a file is remembered under a hash of everything it depends on inside the project (the file, all project
headers it includes, the tool, its settings), so a second run checks only what changed. A new version of a system
header is noticed only through the tool's version; removing the cache directory checks everything again.
"""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex

CODE_FOLDERS = ("lib", "daemon", "clients", "bench", "ior", "tools")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def files(root, folders, suffixes):
    """All files below the folders with one of the suffixes, sorted."""
    found = []
    for folder in folders:
        found += [p for p in (root / folder).rglob("*") if p.suffix in suffixes and p.is_file()]
    return sorted(found)


@functools.lru_cache(maxsize=None)
def read(path):
    return path.read_text(errors="replace")


def includes(path):
    """The targets of the file's #include lines, as (delimiter, name)."""
    return INCLUDE.findall(read(path))


@functools.lru_cache(maxsize=None)
def direct_project_headers(root, path):
    found = []
    for _, name in includes(path):
        for candidate in (path.parent / name, root / "lib" / name, root / name, root / "test" / name):
            if candidate.is_file():
                found.append(candidate.resolve())
                break
    return tuple(found)


def closure(root, path):
    """The file and every project header that it includes, directly or not."""
    seen, todo = set(), [path.resolve()]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo.extend(direct_project_headers(root, current))
    return sorted(seen)


def fingerprint(root, paths, *settings):
    digest = hashlib.sha256()
    for setting in settings:
        digest.update(str(setting).encode() + b"\0")
    for member in sorted({member for path in paths for member in closure(root, path)}):
        digest.update(str(member).encode() + b"\0" + read(member).encode() + b"\0")
    return digest.hexdigest()


def compile_commands(build):
    """{source path: compiler arguments that matter to a parser}, from the build directory."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["directory"], entry["file"]).resolve()
        arguments = parser_arguments(shlex.split(entry["command"]))
        for member in joined_members(source):
            commands.setdefault(member, arguments)
    return commands


def joined_members(source):
    """What a source stands for: the sources that Meson joined in it (-Dunity=on), or itself."""
    if not re.search(r"-unity\d+\.cpp$", source.name) or not source.exists():
        return [source]
    return [pathlib.Path(source.parent, name).resolve() for _, name in includes(source)]


def parser_arguments(command):
    """Keeps -I, -isystem, -D, -std and machine flags; drops output, dependency and warning flags."""
    kept, skip = [], False
    for index, word in enumerate(command):
        if skip:
            skip = False
        elif word in ("-isystem", "-I", "-D"):
            kept.append(word + command[index + 1]) # one word, so that it can be compared
            skip = True
        elif word.startswith(("-I", "-isystem", "-D", "-std=", "-m", "-pthread")):
            kept.append(word)
    return kept


def run_cached(cache, jobs, check):
    """Runs check(job) for every (key, job) not in the cache; it returns findings as a list of lines.

    Returns (all findings, number of jobs that were run). Only jobs without a finding are remembered.
    """
    cache.mkdir(parents=True, exist_ok=True)
    todo = [(key, job) for key, job in jobs if not (cache / key).exists()]

    def one(item):
        key, job = item
        lines = check(job)
        if not lines:
            (cache / key).touch()
        return lines

    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        findings = [line for lines in pool.map(one, todo) for line in lines]
    return sorted(set(findings)), len(todo)
