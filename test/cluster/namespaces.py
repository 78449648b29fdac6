"""Hosts for a test that needs several: network namespaces joined by a bridge, each with an address of its own.

The test runs itself again inside private user, mount, process and network namespaces (enter()). All that it makes
there, hosts, links and processes, is gone when it ends, however it ends.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys

SKIPPED = 77
INSIDE = "BENCHFS_TEST_INSIDE"
NEEDED = ("ip", "unshare", "tc", "mount")


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def enter():
    """Continues only inside the namespaces; leaves with 77 and the reason where the machine does not allow them."""
    if INSIDE in os.environ:
        subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True) # ip keeps its hosts there
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        skip(f"not installed: {', '.join(missing)} (Debian: iproute2, util-linux)")
    unshare = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--mount", "--net", "--pid",
               "--fork", "--kill-child", "--mount-proc"]
    probe = "mount -t tmpfs none /run && ip link add probe0 type bridge && ip link add probe1 type veth peer name probe2 && " \
            "ip netns add host && ip link set probe2 netns host && ip netns exec host true"
    tried = subprocess.run([*unshare, "sh", "-ec", probe], text=True, capture_output=True)
    if tried.returncode != 0:
        skip(f"this machine does not allow network namespaces: {tried.stderr.strip()}")
    end_with_parent = lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    inside = subprocess.run([*unshare, sys.executable, *sys.argv], env={**os.environ, INSIDE: "1"},
                            preexec_fn=end_with_parent)
    sys.exit(inside.returncode)


class Host:
    """One namespace, with eth0 on the bridge."""

    def __init__(self, number):
        self.name = f"host{number}"
        self.address = f"10.77.0.{number}"
        self.port = f"port{number}" # the bridge's end of its link
        subprocess.run(["sh", "-ec", f"""
            ip netns add {self.name}
            ip link add {self.port} type veth peer name eth0 netns {self.name}
            ip link set {self.port} master bridge0 up
            ip -n {self.name} link set lo up
            ip -n {self.name} link set eth0 up
            ip -n {self.name} address add {self.address}/24 dev eth0"""], check=True)

    def line(self, *command):
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def environment(self, **more):
        return {**os.environ, "UCX_NET_DEVICES": "eth0", **more}

    def run(self, *command, limit=60, **more):
        """(exit code, output); a command that is not done in time has hung, which ends the test."""
        try:
            done = subprocess.run(self.line(*command), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=limit, env=self.environment(**more))
        except subprocess.TimeoutExpired:
            sys.exit(f"{self.name}: still running after {limit} s: {' '.join(map(str, command))}")
        return done.returncode, done.stdout

    def check(self, *command, **more):
        code, output = self.run(*command, **more)
        if code != 0:
            sys.exit(f"{self.name}: {' '.join(map(str, command))} ended with {code}:\n{output}")
        return output

    def start(self, log, *command, **more):
        return subprocess.Popen(self.line(*command), stdout=log, stderr=log, env=self.environment(**more))

    def link(self, state):
        subprocess.run(["ip", "link", "set", self.port, state], check=True)

    def slow_down(self, megabits):
        subprocess.run(["tc", "qdisc", "add", "dev", self.port, "root", "tbf", "rate", f"{megabits}mbit", "burst",
                        "64kb", "latency", "50ms"], check=True)

    def disturb(self):
        """Delay and loss, where the kernel has them."""
        return subprocess.run(["tc", "qdisc", "add", "dev", self.port, "root", "netem", "delay", "2ms", "loss", "1%"],
                              capture_output=True).returncode == 0

    def undisturb(self):
        subprocess.run(["tc", "qdisc", "del", "dev", self.port, "root"], check=True)

    def drop_from(self, other, on):
        """Drops what comes from another host; without a firewall tool, sends the answers to an address nobody has."""
        if shutil.which("iptables") is not None:
            command = ["iptables", "-w", "-A" if on else "-D", "INPUT", "-s", other.address, "-j", "DROP"]
        elif on:
            command = ["ip", "neigh", "replace", other.address, "lladdr", "02:00:00:00:00:01", "dev", "eth0", "nud",
                       "permanent"]
        else:
            command = ["ip", "neigh", "del", other.address, "dev", "eth0"]
        self.check(*command)


def hosts(count):
    subprocess.run(["sh", "-ec", "ip link add bridge0 type bridge; ip link set bridge0 up"], check=True)
    return [Host(number + 1) for number in range(count)]
