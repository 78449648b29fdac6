"""Counts the results of one `meson test` run.

Usage: count_tests.py BUILD_DIRECTORY LOGBASE EXIT_STATUS
Prints "passed failed skipped", then for each failed test its name and the end of its output, and why others were skipped. A
run that failed without leaving results counts as one failure, so that nothing which did not run can look like a success.
"""

import json
import pathlib
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
TAIL_LINES = 40


def tail(test):
    lines = (test.get("stdout", "") + "\n" + test.get("stderr", "")).strip().splitlines()
    return "\n".join("    " + line for line in lines[-TAIL_LINES:])


def main():
    directory, logbase, status = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    results = directory / "meson-logs" / f"{logbase}.json"
    output = (directory / f"{logbase}.out").read_text(errors="replace")
    tests = []
    if results.exists():
        tests = [json.loads(line) for line in results.read_text(errors="replace").splitlines() if line.strip()]
    failures = [t for t in tests if t["result"] not in PASSED | {"SKIP"}]
    if not failures and status != 0:
        failures = [{"name": "meson test", "result": f"exit status {status}", "stdout": output}]
    print(sum(t["result"] in PASSED for t in tests), len(failures), sum(t["result"] == "SKIP" for t in tests))
    reasons = {}
    for test in (t for t in tests if t["result"] == "SKIP"):
        reasons.setdefault((test.get("stdout", "").strip().splitlines() or ["no reason given"])[-1], []).append(test["name"])
    for reason, names in reasons.items():
        print(f"    {', '.join(names)}: {reason}")
    for test in failures:
        print(f"--- {test['name']}: {test['result']}\n{tail(test)}")


main()
