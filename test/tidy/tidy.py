"""The frame of the checkers in this folder: run one over the tree, or over made-up files with known faults."""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import source_tree  # noqa: E402  (found through the line above; the checkers take it from here)


def finding(root, path, message, line=None):
    place = path.relative_to(root).as_posix()
    return f"{place}{':' + str(line) if line else ''}: {message}"


def write_tree(root, tree):
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def self_test(check, bad, good):
    """Every file of `bad` must be named by a finding, and no file of `good` by any."""
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch).resolve()
        write_tree(root, {**bad, **good})
        found = list(check(root))
    missed = [name for name in bad if not any(line.startswith(name) for line in found)]
    wrong = [line for line in found if not line.startswith(tuple(bad))]
    for name in missed:
        print(f"self-test: the fault in {name} was not found")
    for line in wrong:
        print(f"self-test: not expected: {line}")
    print(f"{len(bad)} known faults, {len(bad) - len(missed)} found")
    return 1 if missed or wrong or not bad else 0


def main(check, bad, good):
    """Exit code for `checker.py ROOT` and `checker.py --self-test`."""
    if sys.argv[1] == "--self-test":
        return self_test(check, bad, good)
    lines = list(check(pathlib.Path(sys.argv[1]).resolve()))
    for line in lines:
        print(line)
    print(f"{len(lines)} findings")
    return 1 if lines else 0
