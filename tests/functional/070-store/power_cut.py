"""The power fails in the middle of work: what had returned is there, everything works, and fsck finds nothing."""
# run: alone

import os
import pathlib
import subprocess
import sys

from nautest import Host, main, skip, test

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench/power-cut"


@test(timeout=300)
def one_cut(nau):
    """tests/bench/power-cut does the same for as many rounds as one likes; here are two boots and the cut between them."""
    for program in ("qemu-system-x86_64", "mkfs.ext4", "cpio"):
        if not Host.has(program):
            skip(f"needs {program}")
    if nau.binary.startswith(("/tmp/", "/run/", "/var/tmp/", "/dev/")):
        skip("the machine does not see the directory of the binary")
    if subprocess.run([BENCH.parents[1] / "support/machine/kernel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        skip("no kernel for the machine can be had")
    done = subprocess.run([sys.executable, BENCH, "--rounds", "2", "--longest", "5"], env={**os.environ, "NAU": nau.binary},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0 and done.stdout.count(": ok, cut after ") == 2, done.stdout


main()
