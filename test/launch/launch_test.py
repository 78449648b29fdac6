"""tools/benchfs-cluster, tools/hosts.sh and the run scripts of ior/, as a user calls them.

Usage: launch_test.py SOURCE_ROOT BENCHFSD BENCHFS_PING DRIVER|- NAME_OF_TEST
DRIVER is the driver of test/mpi, which stands in for benchfs-ior; "-" where there is no MPI.
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(sys.argv[1]).resolve()
CLUSTER = ROOT / "tools" / "benchfs-cluster"


def call(words, wanted=0, **environment):
    done = subprocess.run([str(w) for w in words], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, **environment), timeout=120)
    # None: any failure. Open MPI's own mpirun may crash while it ends a job that was aborted.
    if done.returncode != wanted if wanted is not None else done.returncode == 0:
        sys.exit(f"{' '.join(map(str, words))} ended with {done.returncode}, not {wanted}:\n{done.stdout}")
    return done.stdout


def expect(condition, what):
    if not condition:
        sys.exit(f"not so: {what}")


def hosts(function, argument="", wanted=0, **environment):
    for name in ("SLURM_JOB_NODELIST", "SLURM_NODELIST", "PBS_NODEFILE"):
        environment.setdefault(name, "")
    return call(["bash", "-c", f'. "$0/tools/hosts.sh"; {function} "$1"', ROOT, argument], wanted,
                **environment).split()


def servers_of(directory):
    """Processes that name this directory: what a test has started and must not leave."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(directory).encode() in entry.read_bytes() and int(entry.parent.name) != os.getpid():
                found.append(int(entry.parent.name))
        except OSError:
            pass # it has just ended
    return found


def wait_until_gone(directory, seconds):
    deadline = time.monotonic() + seconds
    while servers_of(directory):
        expect(time.monotonic() < deadline, f"processes {servers_of(directory)} are still there")
        time.sleep(0.05)


def test_hosts(directory):
    for text, wanted in [
            ("node[01-04]", ["node01", "node02", "node03", "node04"]),
            ("a,b c", ["a", "b", "c"]),
            ("n[1-2,5,08-10]", ["n1", "n2", "n5", "n08", "n09", "n10"]),
            ("r[1-2]n[1-2].site,login", ["r1n1.site", "r1n2.site", "r2n1.site", "r2n2.site", "login"]),
            ("node[098-101]", ["node098", "node099", "node100", "node101"]),
            ("", [])]:
        expect(hosts("expand_hosts", text) == wanted, f"{text} stands for {wanted}")
    for text in ["a[1", "a]1[", "a[x-y]", "a;b", "a[1-]", "$(id)"]:
        hosts("expand_hosts", text, wanted=1)
    # As Slurm, older Slurm and PBS set them; PBS has a line for each slot.
    expect(hosts("hosts_from_environment", SLURM_JOB_NODELIST="node[01-02],gpu3") == ["node01", "node02", "gpu3"], "Slurm")
    expect(hosts("hosts_from_environment", SLURM_NODELIST="node7") == ["node7"], "SLURM_NODELIST")
    nodes = directory / "nodes"
    nodes.write_text("n1\nn1\nn2\n\nn1\n")
    expect(hosts("hosts_from_environment", PBS_NODEFILE=str(nodes)) == ["n1", "n2"], "PBS")
    hosts("hosts_from_environment", wanted=1, PBS_NODEFILE="/no/such/file")
    expect(hosts("hosts_from_environment") == [], "no job, no hosts")


def test_cluster(directory):
    there = ["--dir", directory / "fs"]
    try:
        text = call([CLUSTER, "start", *there, "--servers", 2, "--memory"])
        expect("server 0 answers" in text and "server 1 answers" in text, "both answered")
        expect("server 1: process" in call([CLUSTER, "status", *there]), "status names the processes")
        expect("servers already" in call([CLUSTER, "start", *there], wanted=1), "a second start is refused")
        victim = int((directory / "fs" / "servers").read_text().split()[5])
        # One session is one group for Linux's scheduler: in another one, sched_yield would hand over nothing.
        expect(os.getsid(victim) == os.getsid(0), "a server is in the session of who started it")
        expect(os.getpgid(victim) != os.getpgrp(), "Ctrl-C is not for the server")
        os.kill(victim, signal.SIGKILL)
        wait = time.monotonic() + 5
        while "server 1 on localhost has ended" not in (text := subprocess.run(
                [CLUSTER, "status", *there], text=True, capture_output=True).stderr):
            expect(time.monotonic() < wait, f"status says that server 1 has ended: {text}")
        call([CLUSTER, "stop", *there])
        wait_until_gone(directory, 5)
        call([CLUSTER, "start", *there, "--servers", 3, "--memory", "--no-pin"]) # another size: a new file system
    finally:
        call([CLUSTER, "clean", *there])
    wait_until_gone(directory, 5)
    expect(not (directory / "fs").exists(), "clean leaves nothing")


def test_start_fails(directory):
    there = ["--dir", directory / "fs"]
    text = call([CLUSTER, "start", *there, "--servers", 2, "--memory", "--", "--nonsense"], wanted=1)
    expect("server 1 on localhost has ended" in text and "--nonsense" in text, f"the reason is shown: {text}")
    # A server that never serves: a program that only sleeps.
    sleeper = directory / "sleeper"
    sleeper.write_text("#!/bin/bash\nfor i in {1..300}; do sleep 0.2; done\n")
    sleeper.chmod(0o755)
    begin = time.monotonic()
    text = call([CLUSTER, "start", *there, "--memory", "--timeout", 1], wanted=1, BENCHFSD=str(sleeper))
    expect("within 1 s" in text and time.monotonic() - begin < 20, f"start gives up: {text}")
    for words in (["--servers", "0"], ["--timeout", "x"], ["--nonsense"], ["--hosts", "a[1"]):
        call([CLUSTER, "start", *there, *words], wanted=1)
    call([CLUSTER, "status", *there], wanted=1)
    call([CLUSTER, "clean", *there])
    wait_until_gone(directory, 10)


def test_other_hosts(directory):
    """Two names that are this machine, reached through a command in ssh's place."""
    shell = directory / "rsh"
    shell.write_text('#!/bin/bash\necho "$1" >>"$(dirname "$0")/reached"\nexec bash -c "$2"\n')
    shell.chmod(0o755)
    there = ["--dir", directory / "fs", "--hosts", "alpha[1-2]"]
    environment = {"BENCHFS_RSH": str(shell)}
    try:
        call([CLUSTER, "start", *there, "--servers", 3, "--memory"], **environment)
        lines = (directory / "fs" / "servers").read_text().splitlines()
        expect([line.split()[1] for line in lines] == ["alpha1", "alpha2", "alpha1"], "servers go round the hosts")
        call([CLUSTER, "status", *there], **environment)
    finally:
        call([CLUSTER, "clean", *there], **environment)
    wait_until_gone(directory / "fs", 5)
    expect(set((directory / "reached").read_text().split()) == {"alpha1", "alpha2"}, "both hosts were reached")


def run_script(directory, *arguments):
    return [ROOT / "ior" / "run_ior.sh", "--memory", "-n", "2", "--dir", directory / "fs", "-o", directory / "out", "--",
            *arguments]


def test_run(directory):
    text = call(run_script(directory))
    expect("all phases verified" in text, "the run's output is shown")
    for name in ("output.txt", "command.txt", "servers.txt", "server-0.log"):
        expect((directory / "out" / name).stat().st_size > 0, f"{name} was kept")
    expect("server 0 answers" in (directory / "out" / "servers.txt").read_text(), "the server was there at the end")
    expect(not (directory / "fs").exists(), "the servers' directory is gone")
    wait_until_gone(directory / "fs", 5)
    text = call(run_script(directory, "--nonsense"), wanted=None)
    expect("no option --nonsense" in text, "a failing run fails")
    wait_until_gone(directory / "fs", 5)


def test_interrupt(directory):
    process = subprocess.Popen([str(w) for w in run_script(directory, "--until-error", "60")], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        while "writing" not in (line := process.stdout.readline()):
            expect(line != "", "the run has begun to write")
        os.killpg(process.pid, signal.SIGINT) # as Ctrl-C does
        process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    expect(process.returncode == 130, f"interrupted is 130, not {process.returncode}")
    wait_until_gone(directory / "fs", 10)
    expect(not (directory / "fs").exists(), "nothing stays behind")


def main():
    benchfsd, ping, driver, name = sys.argv[2:]
    os.environ.update(BENCHFSD=benchfsd, BENCHFS_PING=ping, BENCHFS_IOR=driver)
    os.environ.setdefault("UCX_NET_DEVICES", "lo")
    with tempfile.TemporaryDirectory(prefix="benchfs-launch-") as directory:
        globals()["test_" + name](pathlib.Path(directory))


main()
