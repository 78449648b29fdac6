"""House rules that a search can see: file length, words that lib/ must not contain, markers left behind.

Usage: check_sources.py ROOT | --self-test
"""

import re
import sys

import tidy
from tidy import source_tree

LINES_FAIL = 600
LINES_WARN = 400
MARKERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|^(<<<<<<<|>>>>>>>) ", re.MULTILINE)

# (what, pattern, places in which it is allowed). One thread, nothing detached, nothing blocks, time and chance come
# from interfaces, settings from the front ends.
BANNED = [
    ("a thread", re.compile(r"std::(jthread|thread|async|mutex|condition_variable)\b|\bpthread_create\b"),
     ("lib/benchfs/api/c_",)), # C callers bring threads: one lock an instance
    ("a blocking sleep", re.compile(r"sleep_for\(std::chrono.*this_thread|this_thread::sleep|"
                                    r"(?<![\w.>])::(u|nano)?sleep\s*\(|(?<![\w.>:])(usleep|nanosleep)\s*\(|"
                                    r"(^|[;{}(=!&|]|\breturn)\s*sleep\s*\(\s*\d"), ()),
    ("rand()", re.compile(r"(?<![\w.>:])s?rand\s*\(|std::s?rand\b|std::random_device|std::mt19937"), ()),
    ("the wall clock", re.compile(r"system_clock|\bgettimeofday\b|CLOCK_REALTIME"),
     ("lib/benchfs/base/clock.", "lib/benchfs/base/log.", "lib/benchfs/server/wall_clock.")),
    ("an environment variable", re.compile(r"\b(secure_)?getenv\s*\("),
     ("lib/benchfs/transport/ucx/", "lib/benchfs/transport/window/")),
    ("detached work", re.compile(r"\.detach\s*\("),
     ("lib/benchfs/transport/ucx/",)), # a message that is taken off its dead connection
    ("output on the terminal", re.compile(r"std::(cout|cerr|clog)\b|(?<![\w.>:])printf\s*\("), ()),
]
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def without_comments(text):
    """Comments blanked, line numbers kept. Strings stay: what they say is rarely one of the words."""
    return COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def check_length(root, path):
    lines = len(source_tree.read(path).splitlines())
    if lines > LINES_FAIL:
        yield tidy.finding(root, path, f"{lines} lines; {LINES_FAIL} is the limit: split it")
    elif lines > LINES_WARN:
        print(f"warning: {tidy.finding(root, path, f'{lines} lines; think about splitting it')}")


def check_words(root, path):
    place = path.relative_to(root).as_posix()
    code = without_comments(source_tree.read(path))
    for what, pattern, allowed in BANNED:
        if place.startswith(allowed or ("//",)):
            continue
        for match in pattern.finditer(code):
            yield tidy.finding(root, path, f"{what}: {match[0].strip()}", line_of(code, match.start()))


def check_markers(root, path):
    text = source_tree.read(path)
    for match in MARKERS.finditer(text):
        yield tidy.finding(root, path, f"a marker was left behind: {match[0].strip()}", line_of(text, match.start()))


def check(root):
    folders = (*source_tree.CODE_FOLDERS, "test")
    for path in source_tree.files(root, folders, {".cpp", ".hpp", ".h", ".c", ".py"}):
        yield from check_length(root, path)
        if path.suffix != ".py":
            yield from check_markers(root, path)
    for path in source_tree.files(root, ("lib",), {".cpp", ".hpp", ".h", ".c"}):
        yield from check_words(root, path)


BAD = {
    "lib/benchfs/base/long.cpp": "int x;\n" * (LINES_FAIL + 1),
    "lib/benchfs/base/thread.cpp": "void f() { std::thread t([] {}); }\n",
    "lib/benchfs/base/sleep.cpp": "void f() { sleep(1); }\n",
    "lib/benchfs/base/usleep.cpp": "void f() { usleep(10); }\n",
    "lib/benchfs/base/this_thread.cpp": "void f() { std::this_thread::sleep_for(1s); }\n",
    "lib/benchfs/base/rand.cpp": "int f() { return rand(); }\n",
    "lib/benchfs/base/device.cpp": "std::random_device d;\n",
    "lib/benchfs/rpc/wall.cpp": "auto t = std::chrono::system_clock::now();\n",
    "lib/benchfs/rpc/env.cpp": 'auto* p = std::getenv("HOME");\n',
    "lib/benchfs/rpc/detach.cpp": "void f(T& t) { t.detach(); }\n",
    "lib/benchfs/rpc/cout.cpp": 'void f() { std::cout << "x"; }\n',
    "lib/benchfs/rpc/todo.cpp": "// TO" "DO: write it\n",
    "test/unit/marker.cpp": "// FIX" "ME later\n",
}
GOOD = {
    "lib/benchfs/base/log.cpp": "auto t = std::chrono::system_clock::now();\n",
    "lib/benchfs/base/fine.cpp": "// std::thread would be wrong here\nint strand(int);\nstatus try_sleep();\n",
    "lib/benchfs/runtime/sleep.hpp": "task<status> sleep(duration d);\nvoid f() { co_await runtime::sleep_for(d); }\n",
    "daemon/main.cpp": 'auto* p = std::getenv("BENCHFS_LOG");\nvoid f() { std::cout << p; }\n',
}

sys.exit(tidy.main(check, BAD, GOOD))
