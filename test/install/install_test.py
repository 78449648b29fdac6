"""Installs benchfs into an empty prefix and uses it from there, as another project would.

`meson install` to a scratch directory, compile client.cpp with nothing but `pkg-config --cflags --libs benchfs`, start
the installed benchfsd, run the client against it, stop the server and see that it leaves no address behind.
Usage: install_test.py BUILD_DIRECTORY CLIENT_SOURCE SANITIZERS COMPILER...
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

READY_S = 30
STOP_S = 10


def run(command, **arguments):
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **arguments)
    if done.returncode != 0:
        sys.exit(f"failed with {done.returncode}: {' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def find_one(root, name):
    found = list(root.rglob(name))
    if len(found) != 1:
        sys.exit(f"expected one {name} below the prefix, found {found}")
    return found[0]


def install(build, scratch):
    """Installs and returns the environment in which a user of that prefix works."""
    run(["meson", "install", "-C", build, "--no-rebuild", "--destdir", scratch / "prefix"])
    package = find_one(scratch / "prefix", "benchfs.pc")
    library = next((scratch / "prefix").rglob("libbenchfs.so"))
    environment = dict(os.environ, PKG_CONFIG_PATH=str(package.parent), LD_LIBRARY_PATH=str(library.parent))
    environment.setdefault("UCX_NET_DEVICES", "lo")
    return environment


def build_client(scratch, source, sanitizers, compiler, environment):
    flags = run(["pkg-config", "--cflags", "--libs", "benchfs"], env=environment).split()
    if not any(str(scratch) in flag for flag in flags):
        sys.exit(f"pkg-config does not point below the prefix: {flags}")
    extra = [] if sanitizers == "none" else [f"-fsanitize={sanitizers}"]
    client = scratch / "client"
    run([*compiler, source, "-o", client, "-Wall", "-Wextra", "-Werror", *extra, *flags], cwd=scratch,
        env=environment)
    return client


def wait_until_ready(server, registry, log):
    deadline = time.monotonic() + READY_S
    while not list(registry.glob("*.addr")):
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"benchfsd did not become ready (status {server.poll()}):\n{log.read_text()}")
        time.sleep(0.02)


def main():
    build, source, sanitizers, compiler = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory)
        environment = install(build, scratch)
        client = build_client(scratch, source, sanitizers, compiler, environment)
        registry, data, log = scratch / "registry", scratch / "data", scratch / "server.log"
        registry.mkdir()
        data.mkdir()
        with log.open("w") as output:
            server = subprocess.Popen([find_one(scratch / "prefix", "benchfsd"), "--registry-dir", registry,
                                       "--data-dir", data], stdout=output, stderr=output, env=environment)
        try:
            wait_until_ready(server, registry, log)
            print(run([client, registry], env=environment, timeout=60))
            server.send_signal(signal.SIGTERM)
            status = server.wait(STOP_S)
        finally:
            if server.poll() is None:
                server.kill()
                server.wait()
        left = list(registry.glob("*.addr"))
        if status != 0 or left:
            sys.exit(f"benchfsd ended with {status} and left {left}:\n{log.read_text()}")


main()
