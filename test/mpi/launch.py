"""What the tests under mpirun share: its command line, and a run that leaves no process behind."""

import contextlib
import os
import subprocess
import sys

LIMIT_S = 120


def command(mpirun, driver, ranks, *arguments):
    # More ranks than cores: nothing is bound, and who waits in MPI yields.
    line = [mpirun, "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1", "-np", str(ranks)]
    if os.geteuid() == 0:
        line.append("--allow-run-as-root")
    return [*line, driver, *map(str, arguments)]


@contextlib.contextmanager
def group(line):
    """A process group that is gone when this ends: mpirun, its ranks, and what they started."""
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate() # mpirun takes its ranks along
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run(line):
    with group(line) as process:
        try:
            output = process.communicate(timeout=LIMIT_S)[0]
        except subprocess.TimeoutExpired:
            sys.exit(f"still running after {LIMIT_S} s: {' '.join(line)}")
    return process.returncode, output
