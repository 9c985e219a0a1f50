#!/usr/bin/env python3
"""Wall seconds, rate, processor time and peak memory of a command, by the operating system's accounting.

    measure.py WHAT COUNT COMMAND...
"""
import resource
import subprocess
import sys
import time

what, count, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
start = time.monotonic()
subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
seconds = time.monotonic() - start
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{what}: {seconds:.1f} s, {count / seconds:,.0f} submissions/s, {usage.ru_utime + usage.ru_stime:.1f} s of processor, "
      f"{usage.ru_maxrss / 1024:,.0f} MiB at its peak", flush=True)
