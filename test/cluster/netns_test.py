"""BenchFS Mini and a benchfs cluster between hosts that are network namespaces on one bridge.

Usage: netns_test.py BENCHFS_MINI BENCHFSD BENCHFS_CLI BENCHFS_BENCH mini|disturbed|cluster|partition|bench
"""

import contextlib
import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import namespaces

namespaces.enter()
MINI, BENCHFSD, CLI, BENCH, NAME = sys.argv[1:]
LIMIT_S = 60


def wait_for(what, condition):
    end = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"{what}: not after {LIMIT_S} s")
        time.sleep(0.05)


@contextlib.contextmanager
def mini_server(host, directory, **more):
    registry = directory / "mini"
    with open(directory / "mini.log", "w+") as log:
        server = host.start(log, MINI, "server", "--registry", registry, "--rank", 0, "--advertise", host.address, **more)
        try:
            wait_for("a Mini server", lambda: (registry / "server_0.txt").exists() or server.poll() is not None)
            yield registry, directory / "mini.log"
            server.terminate()
            if server.wait(LIMIT_S) != 0:
                sys.exit(f"the Mini server ended with {server.returncode}:\n" + (directory / "mini.log").read_text())
        finally:
            server.kill()
            server.wait()


def lanes(text):
    """The transports of the lanes that carry data, of what Mini printed."""
    return {line.split("/")[0].split(":")[-1].strip() for line in text.splitlines()
            if "lane[" in line and " cm " not in line}


def test_mini(directory):
    """Over tcp between two hosts, over shared memory in one."""
    a, b = namespaces.hosts(2)
    with mini_server(a, directory) as (registry, log):
        output = b.check(MINI, "client", "--registry", registry, "--size", "3M", UCX_TLS="tcp,self")
        print(output)
        if lanes(output) != {"tcp"} or b.address not in log.read_text():
            sys.exit(f"between two hosts only tcp is expected, there was {lanes(output)}")
    output = a.check(MINI, "selftest", "--size", "3M", "--advertise", a.address)
    print(output)
    if not lanes(output) & {"sysv", "posix"}:
        sys.exit(f"on one host shared memory is expected, there was {lanes(output)}")
    with mini_server(a, directory) as (registry, _):
        b.drop_from(a, True) # its answers
        code, output = b.run(MINI, "client", "--registry", registry, "--connect-ms", "2000", UCX_TLS="tcp,self")
        print(output)
        if code == 0 or "FAILED at connect" not in output or "firewall" not in output:
            sys.exit("a firewall between must be named as the likely cause")
        b.drop_from(a, False)
        b.check(MINI, "client", "--registry", registry, UCX_TLS="tcp,self")


def test_disturbed(directory):
    a, b = namespaces.hosts(2)
    with mini_server(a, directory, UCX_TLS="tcp,self") as (registry, _):
        for host in (a, b):
            host.slow_down(200)
        print(b.check(MINI, "client", "--registry", registry, "--quiet", UCX_TLS="tcp,self"))
        for host in (a, b):
            host.undisturb()
        if not b.disturb():
            print("delay and loss are left out: this kernel has no netem")
            return
        print(b.check(MINI, "client", "--registry", registry, "--quiet", UCX_TLS="tcp,self"))


class Cluster:
    """Two servers on hosts of their own, clients on two more. Everything goes over the network, as between machines."""

    def __init__(self, directory):
        self.directory = directory
        self.registry = directory / "registry"
        *self.servers, self.near, self.far = namespaces.hosts(4)
        self.processes = [None, None]

    def start(self, number):
        with open(self.directory / f"server{number}.log", "a") as log:
            self.processes[number] = self.servers[number].start(
                log, BENCHFSD, "--registry-dir", self.registry, "--id", number, "--servers", 2, "--transport", "ucx",
                "--data-dir", self.directory / f"data{number}")

    def cli(self, host, *arguments):
        return host.run(CLI, "--registry-dir", self.registry, "--transport", "ucx", "--deadline", "3s",
                        "--connect-wait", "5s", *arguments)

    def expect(self, host, *arguments):
        code, output = self.cli(host, *arguments)
        if code != 0:
            logs = "".join((self.directory / f"server{n}.log").read_text()[-2000:] for n in range(2))
            sys.exit(f"{host.name}: {arguments} ended with {code}:\n{output}\n{logs}")

    def wait_until_ready(self):
        wait_for("the servers", lambda: self.cli(self.near, "servers")[0] == 0)

    def put(self, host, name, seed):
        data = hashlib.shake_256(seed.encode()).digest(9_000_000)
        (self.directory / "put").write_bytes(data)
        self.expect(host, "put", "-T", self.directory / "put", name)
        return data

    def same(self, host, name, data):
        self.expect(host, "get", "-T", name, self.directory / "got")
        if (self.directory / "got").read_bytes() != data:
            sys.exit(f"{host.name} reads other bytes from {name}")

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            if process.wait(LIMIT_S) != 0:
                sys.exit(f"a server ended with {process.returncode}")


def running_cluster(directory):
    cluster = Cluster(directory)
    cluster.start(0)
    cluster.start(1)
    cluster.wait_until_ready()
    return cluster


def fails_in_time(cluster, host, *arguments):
    began = time.monotonic()
    code, output = cluster.cli(host, *arguments)
    print(f"{host.name} ended with {code} after {time.monotonic() - began:.1f} s: {output}")
    if code == 0:
        sys.exit("it must not work without a server, or the way to it")


def test_cluster(directory):
    cluster = running_cluster(directory)
    data = cluster.put(cluster.near, "/first", "first")
    cluster.same(cluster.far, "/first", data)
    os.kill(cluster.processes[1].pid, signal.SIGKILL) # ip has become the server: exec
    cluster.processes[1].wait()
    fails_in_time(cluster, cluster.near, "cat", "/first")
    cluster.start(1)
    cluster.wait_until_ready()
    cluster.same(cluster.near, "/first", data)
    cluster.same(cluster.far, "/second", cluster.put(cluster.near, "/second", "second"))
    cluster.stop()


def test_partition(directory):
    cluster = running_cluster(directory)
    data = cluster.put(cluster.near, "/first", "first")
    server = cluster.servers[0]
    # Packets vanish one way, between two hosts.
    server.drop_from(cluster.far, True)
    fails_in_time(cluster, cluster.far, "stat", "/first")
    cluster.same(cluster.near, "/first", data)
    server.drop_from(cluster.far, False)
    cluster.same(cluster.far, "/first", data)
    # A server is off the network altogether.
    server.link("down")
    fails_in_time(cluster, cluster.far, "stat", "/first")
    server.link("up")
    cluster.wait_until_ready()
    cluster.same(cluster.far, "/first", data)
    cluster.same(cluster.far, "/second", cluster.put(cluster.near, "/second", "second"))
    cluster.stop()


def test_bench(directory):
    a, b = namespaces.hosts(2)
    registry = directory / "registry"
    with open(directory / "bench.log", "w") as log:
        server = a.start(log, BENCH, "--mode", "server", "--registry-dir", registry, "--memory", "--transport", "ucx")
        try:
            print(b.check(BENCH, "--mode", "client", "--registry-dir", registry, "--iterations", 100, "--transport",
                          "ucx", "--no-raw-limits", limit=120))
            server.terminate()
            if server.wait(LIMIT_S) != 0:
                sys.exit(f"the benchmark's server ended with {server.returncode}")
        finally:
            server.kill()
            server.wait()


# In the memory that only these namespaces see: also what a killed test leaves is gone with them.
with tempfile.TemporaryDirectory(prefix="benchfs-netns-", dir="/run") as directory:
    {"mini": test_mini, "disturbed": test_disturbed, "cluster": test_cluster, "partition": test_partition,
     "bench": test_bench}[NAME](pathlib.Path(directory))
