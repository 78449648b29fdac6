"""Runs the driver of the BENCHFS backend under mpirun, on servers of its own and on servers that run already.

Usage: mpi_test.py MPIRUN DRIVER BENCHFSD one-server|two-servers|killed-server|no-server
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from launch import command, group, run

# After a server was lost: 1.5 s of retries, and the end of all ranks. The rest is for a busy machine.
ERROR_WITHIN_S = 15


@contextlib.contextmanager
def servers(benchfsd, directory, count):
    registry = directory / "registry"
    processes = []
    try:
        for number in range(count):
            log = open(directory / f"server{number}.log", "w")
            processes.append(subprocess.Popen(
                [benchfsd, "--registry-dir", registry, "--memory", "--id", str(number), "--servers", str(count)],
                stdout=log, stderr=log))
        deadline = time.monotonic() + 30
        while len(list(registry.glob("*.addr"))) < count:
            if time.monotonic() > deadline or any(p.poll() is not None for p in processes):
                sys.exit("the servers did not start:\n" + (directory / "server0.log").read_text())
            time.sleep(0.02)
        yield registry, processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def expect_success(line):
    code, output = run(line)
    print(output)
    if code != 0 or "all phases verified" not in output:
        sys.exit(f"mpirun ended with {code}")


def test_one_server(mpirun, driver, benchfsd, directory):
    """Rank 0 starts the server, as the roles of one launch have it."""
    data = directory / "data"
    expect_success(command(mpirun, driver, 4, f"--benchfs.datadir={data}", f"--benchfs.server-program={benchfsd}",
                           "--benchfs.chunk-size=65536", "--benchfs.fsync-on-close"))
    left = list((data / "registry").glob("*.addr"))
    if left:
        sys.exit(f"the server that rank 0 started left {left}")


def test_two_servers(mpirun, driver, benchfsd, directory):
    with servers(benchfsd, directory, 2) as (registry, _):
        expect_success(command(mpirun, driver, 4, f"--benchfs.registry={registry}"))


def test_killed_server(mpirun, driver, benchfsd, directory):
    with servers(benchfsd, directory, 1) as (registry, processes):
        with group(command(mpirun, driver, 4, f"--benchfs.registry={registry}", "--until-error", 60)) as job:
            while "writing" not in (line := job.stdout.readline()):
                if line == "":
                    sys.exit("the driver ended before it wrote")
            time.sleep(0.2)
            processes[0].send_signal(signal.SIGKILL)
            killed = time.monotonic()
            try:
                output = job.communicate(timeout=ERROR_WITHIN_S)[0]
            except subprocess.TimeoutExpired:
                sys.exit(f"mpirun hangs: no end {ERROR_WITHIN_S} s after the server was killed")
            print(output, f"ended {time.monotonic() - killed:.1f} s after the kill with {job.returncode}")
            if job.returncode == 0 or "ERROR: BENCHFS" not in output:
                sys.exit("the error of the file system was not reported")


def test_no_server(mpirun, driver, benchfsd, directory):
    del benchfsd
    code, output = run(command(mpirun, driver, 2, f"--benchfs.registry={directory}", "--benchfs.connect-wait-ms=200"))
    print(output)
    if code == 0 or str(directory) not in output:
        sys.exit("a missing server must be an error that names the directory")


def main():
    mpirun, driver, benchfsd, name = sys.argv[1:]
    os.environ.setdefault("UCX_NET_DEVICES", "lo")
    with tempfile.TemporaryDirectory(prefix="benchfs-mpi-") as directory:
        tests = {"one-server": test_one_server, "two-servers": test_two_servers,
                 "killed-server": test_killed_server, "no-server": test_no_server}
        tests[name](mpirun, driver, benchfsd, pathlib.Path(directory))


main()
