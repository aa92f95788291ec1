#!/usr/bin/env python3
"""Runs fuzz targets side by side, out of everybody's way, and tells what each one got.

    fuzz/together.py 5400                  every target, 90 minutes of wall clock each
    fuzz/together.py 600 decode reader     these two

The targets run as SCHED_IDLE, so other work comes first: the processor time of each is told
beside the wall clock. A target that finds something keeps it in `artifacts/`, and is started
again for the time that is left. Build first: `cargo +nightly fuzz build --sanitizer none`.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILT = HERE / "target" / "x86_64-unknown-linux-gnu" / "release"
# Generous: these processes wait for the processor longer than they use it.
OPTIONS = ["-rss_limit_mb=1500", "-timeout=600", "-print_final_stats=1", "-use_value_profile=0"]


class Target:
    """One target, over all of its starts."""

    # All were told to end.
    told = False

    def __init__(self, name, until, programs):
        self.name, self.until = name, until
        self.program = programs / name
        self.wall = self.processor = self.peak = 0
        self.runs, self.finds, self.cover = 0, [], "?"
        self.starts = 0
        self.process = None
        for folder in ("corpus", "kept", "artifacts"):
            (HERE / folder / name).mkdir(parents=True, exist_ok=True)

    def start(self):
        left = int(self.until - time.monotonic())
        if left < 10:
            return False
        self.starts += 1
        self.log = HERE / "target" / f"{self.name}.{self.starts}.log"
        folders = [f"corpus/{self.name}", f"kept/{self.name}"]
        artifacts = f"-artifact_prefix=artifacts/{self.name}/"
        with self.log.open("wb") as log:
            command = [self.program, *folders, artifacts, f"-max_total_time={left}", *OPTIONS]
            self.process = subprocess.Popen(command, cwd=HERE, stdout=log, stderr=log)
        os.sched_setscheduler(self.process.pid, os.SCHED_IDLE, os.sched_param(0))
        self.began = time.monotonic()
        return True

    def ended(self, status, usage):
        """Takes the account of a start that ended; is there time for another?"""
        self.wall += time.monotonic() - self.began
        self.processor += usage.ru_utime + usage.ru_stime
        self.peak = max(self.peak, usage.ru_maxrss // 1024)
        text = self.log.read_text(errors="replace")
        done = re.findall(r"number_of_executed_units: *(\d+)", text) or re.findall(r"^#(\d+)\s", text, re.M)
        self.runs += int(done[-1]) if done else 0
        self.cover = (re.findall(r"cov: (\d+)", text) or [self.cover])[-1]
        if status == 0 or os.WIFSIGNALED(status) or Target.told:
            return False
        what = re.findall(r"panicked at .*|ERROR: libFuzzer: .*|SUMMARY: .*", text)
        self.finds.append((what or ["unknown"])[0].strip())
        print(f"{self.name}: {self.finds[-1]} (see {self.log})", flush=True)
        # The same find over and over is no use; a tenth one ends it.
        return len(self.finds) < 10 and self.start()


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 5400
    programs = pathlib.Path(os.environ.get("FUZZ_PROGRAMS", BUILT))
    names = sys.argv[2:] or sorted(p.stem for p in (HERE / "fuzz_targets").glob("*.rs"))
    targets = [Target(name, time.monotonic() + seconds, programs) for name in names]
    running = {}
    for target in targets:
        if target.start():
            running[target.process.pid] = target

    def end(*_):
        # A target that is told to end writes its figures first.
        Target.told = True
        for target in running.values():
            target.process.send_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, end)
    while running:
        pid, status, usage = os.wait4(-1, 0)
        target = running.pop(pid, None)
        if target is not None and target.ended(status, usage):
            running[target.process.pid] = target
    print("| target | wall clock, min | processor, s | runs | edges | most memory, MB | found |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for t in targets:
        found = "nothing" if not t.finds else f"{len(t.finds)}: {sorted(set(t.finds))[0]}"
        print(f"| {t.name} | {t.wall / 60:.0f} | {t.processor:.0f} | {t.runs} | {t.cover} | {t.peak} | {found} |")
    sys.exit(any(t.finds for t in targets))


if __name__ == "__main__":
    main()
