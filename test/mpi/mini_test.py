"""Runs BenchFS Mini under mpirun: its own roles, and the IOR backend BENCHFSMINI through a driver.

Usage: mini_test.py MPIRUN DRIVER BENCHFS_MINI ranks|shared-file|file-per-rank|killed-server|no-registry
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from launch import command, group, run

# The others notice a killed rank by themselves or through mpirun; the rest is for a busy machine.
ERROR_WITHIN_S = 60


def expect(line, *texts):
    code, output = run(line)
    print(output)
    missing = [text for text in texts if text not in output]
    if code != 0 or missing:
        sys.exit(f"mpirun ended with {code}; not in its output: {missing}")
    return output


def test_ranks(mpirun, driver, mini, registry):
    del driver
    output = expect(command(mpirun, mini, 4, "--registry", registry, "--size", "300000"), "OK: 2 servers")
    if output.count("OK: 2 servers") != 2 or "benchfs-mini: accepted" not in output:
        sys.exit("two clients must go through both servers, with the endpoints printed")
    expect(command(mpirun, mini, 3, "--registry", registry, "--server-ranks", 1, "--quiet"), "OK: 1 server")
    if os.listdir(registry):
        sys.exit(f"left in the registry: {os.listdir(registry)}")
    code, output = run(command(mpirun, mini, 2, "--registry", registry, "--server-ranks", 2))
    if code == 0 or "leaves no server, or no client" not in output:
        sys.exit("two server ranks of two must be refused")


def driver_line(mpirun, driver, registry, *arguments):
    return command(mpirun, driver, 8, "--server-ranks", 4, "-a", "BENCHFSMINI", "--benchfsmini.registry", registry,
                   *arguments)


def test_driver(mpirun, driver, registry, *arguments):
    for size in (["-t", "1m", "-b", "4m", "-s", "4"], ["-t", "10008", "-b", "50040", "-s", "3", "-z"]):
        expect(driver_line(mpirun, driver, registry, *size, "-w", "-W", "-r", "-R", *arguments),
               "every byte that was read is right")
    if os.listdir(registry):
        sys.exit(f"left in the registry: {os.listdir(registry)}")


def test_killed_server(mpirun, driver, mini, registry):
    """A server that is no rank, killed among the writes of a long run: every rank ends with the reason."""
    server = subprocess.Popen([mini, "server", "--registry", registry, "--rank", "0", "--quiet"],
                              stdout=subprocess.PIPE, text=True, env={**os.environ, "UCX_TLS": "tcp,self"})
    try:
        if "ready" not in server.stdout.readline():
            sys.exit("the server did not start")
        os.environ["UCX_TLS"] = "tcp,self"
        line = command(mpirun, driver, 2, "-a", "BENCHFSMINI", "--benchfsmini.registry", registry,
                       "--benchfsmini.servers=1", "-t", "1m", "-b", "1000m", "-s", "10")
        with group(line) as job:
            while "2 ranks" not in (text := job.stdout.readline()):
                if text == "":
                    sys.exit("the driver ended before it wrote")
            time.sleep(0.3)
            server.send_signal(signal.SIGKILL)
            try:
                output = job.communicate(timeout=ERROR_WITHIN_S)[0]
            except subprocess.TimeoutExpired:
                sys.exit(f"mpirun hangs: no end {ERROR_WITHIN_S} s after the server was killed")
            print(output)
            if job.returncode == 0 or "ERROR: BENCHFSMINI" not in output:
                sys.exit("the lost server was not reported")
    finally:
        server.kill()
        server.wait()


def test_no_registry(mpirun, driver, registry):
    line = driver_line(mpirun, driver, registry)
    del line[line.index("--benchfsmini.registry"):line.index("--benchfsmini.registry") + 2]
    code, output = run(line)
    print(output)
    if code == 0 or "--benchfsmini.registry" not in output:
        sys.exit("a missing registry must be an error that names the option")
    code, output = run(command(mpirun, driver, 2, "--benchfsmini.registry", registry, "--benchfsmini.servers=1",
                               "--benchfsmini.connect-ms=200"))
    print(output)
    if code == 0 or "server_0.txt" not in output:
        sys.exit("a missing server must be an error that names its entry")


def main():
    mpirun, driver, mini, name = sys.argv[1:]
    os.environ.setdefault("UCX_NET_DEVICES", "lo")
    with tempfile.TemporaryDirectory(prefix="benchfs-mini-mpi-") as directory:
        registry = str(pathlib.Path(directory) / "registry")
        if name == "ranks":
            test_ranks(mpirun, driver, mini, registry)
        elif name == "shared-file":
            test_driver(mpirun, driver, registry)
        elif name == "file-per-rank":
            test_driver(mpirun, driver, registry, "-F")
        elif name == "killed-server":
            test_killed_server(mpirun, driver, mini, registry)
        else:
            test_no_registry(mpirun, driver, registry)


main()
