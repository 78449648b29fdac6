"""Runs the 2-node micro-benchmark as a user would and checks what it prints, writes and leaves behind.

Usage: two_node_run.py BENCHFS_BENCH BENCHFSD
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

BENCH, DAEMON = sys.argv[1:3]

SERVER_LINES = [
    "Starting BenchFS server...",
    "Setting up server node...",
    "Server worker address registered to ",
    "Server address: ",
    "Registering RPC handlers...",
    "All RPC handlers registered successfully",
    "Server is ready and listening for requests.",
]
CLIENT_LINES = [
    "Starting BenchFS client...",
    "  Registry directory: ",
    "Setting up client node...",
    "Waiting for server to register (timeout: ",
    "Successfully connected to server",
    "=== BenchFS 2-Node Benchmark (Distributed Mode) ===",
    "Configuration:",
    "  Iterations: 20",
    "  Warmup:     3",
    "  File sizes: [1000, 4096] bytes",
    "Running metadata create benchmark...",
    "Running small write benchmark (1000 bytes)...",
    "Running small write benchmark (4096 bytes)...",
    "Running small read benchmark (1000 bytes)...",
    "Running small read benchmark (4096 bytes)...",
    "=== Benchmark Results ===",
    "  Metadata Create (file creation)",
    "    Iterations: 20",
    "    Total:      ",
    "    Average:    ",
    "    Min:        ",
    "    Max:        ",
    "    Throughput: ",
    "  Small Write (1000 bytes)",
    "  Small Read (4096 bytes)",
]
FEW = ["--iterations", "20", "--warmup", "3", "--sizes", "1000,4096"]


def expect(condition, what):
    if not condition:
        print(f"FAILED: {what}")
        sys.exit(1)


def expect_lines(text, wanted):
    """All of them, in this order, each at the start of a line."""
    lines = iter(text.splitlines())
    for start in wanted:
        expect(any(line.removeprefix("[server] ").startswith(start) for line in lines),
               f"no line '{start}' where it belongs in:\n{text}")


def run(*arguments, scratch, code=0):
    environment = dict(os.environ, TMPDIR=str(scratch))
    done = subprocess.run([BENCH, *arguments], text=True, capture_output=True, timeout=120, env=environment)
    expect(done.returncode == code,
           f"{arguments}: exit code {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}")
    return done


def local_mode(scratch, extra, name):
    report = scratch / f"{name}.json"
    done = run("--mode", "local", *FEW, *extra, "--json", str(report), scratch=scratch)
    expect_lines(done.stdout, SERVER_LINES + CLIENT_LINES)
    results = json.loads(report.read_text())["results"]
    expect([r["iterations"] for r in results] == [20] * 5, f"five results of 20 iterations, not {results}")
    expect(all(r["min_ns"] <= r["p50_ns"] <= r["p99_ns"] <= r["max_ns"] for r in results), "percentiles in order")
    report.unlink()
    expect(not list(scratch.iterdir()), f"left behind: {list(scratch.iterdir())}")


def against_the_daemon(scratch):
    registry = scratch / "registry"
    # The client comes first and waits.
    client = subprocess.Popen([BENCH, "--mode", "client", "--registry-dir", registry, *FEW, "--no-raw-limits"],
                              text=True, stdout=subprocess.PIPE)
    time.sleep(0.3)
    daemon = subprocess.Popen([DAEMON, "--registry-dir", registry, "--memory"])
    try:
        text = client.communicate(timeout=60)[0]
        expect(client.returncode == 0, f"the client of a benchfsd failed:\n{text}")
        expect_lines(text, CLIENT_LINES)
        expect((registry / "server.addr").exists(), "a running benchfsd has an address file")
        daemon.send_signal(signal.SIGTERM)
        expect(daemon.wait(timeout=10) == 0, "benchfsd ends well after SIGTERM")
        expect(not (registry / "server.addr").exists(), "benchfsd takes its address file with it")
    finally:
        client.kill()
        daemon.kill()


def without_a_server(scratch):
    nowhere = str(scratch / "nowhere")
    done = run("--mode", "client", "--registry-dir", nowhere, "--wait", "0", scratch=scratch, code=1)
    expect("Failed to connect to server: " in done.stderr and nowhere in done.stderr, done.stderr)
    done = run("--mode", "client", scratch=scratch, code=2)
    expect("--registry-dir" in done.stderr, done.stderr)
    # A server that cannot start ends the run with its reason.
    done = run("--mode", "local", "--data-dir", "/proc/nowhere", scratch=scratch, code=1)
    expect("the server did not start" in done.stderr, done.stderr)


def interrupted(scratch):
    environment = dict(os.environ, TMPDIR=str(scratch))
    bench = subprocess.Popen([BENCH, "--mode", "local", "--memory", "--iterations", "10000000"], env=environment,
                             text=True, stdout=subprocess.PIPE)
    for line in bench.stdout:
        if line.startswith("Running"):
            break
    bench.send_signal(signal.SIGINT)
    expect(bench.wait(timeout=20) == 130, "Ctrl+C ends a local run with 130")
    expect(not list(scratch.iterdir()), f"left behind: {list(scratch.iterdir())}")


for check in (lambda s: local_mode(s, ["--memory", "--no-raw-limits"], "memory"),
              lambda s: local_mode(s, ["--queue-depth", "4"], "uring"),
              against_the_daemon, without_a_server, interrupted):
    with tempfile.TemporaryDirectory() as directory:
        check(pathlib.Path(directory))
print("all as expected")
