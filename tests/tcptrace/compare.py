#!/usr/bin/env python3
"""Compares synfin's statistics of complete connections with those of `tcptrace -n -l -r`.

    tests/tcptrace/compare.py --synfin target/release/synfin FILE...
    tests/tcptrace/compare.py --synfin ... --truth FILE.ndjson FILE.pcap

The first form prints a table: each statistic, on how many sides both agree, and one example
of each kind of difference with its reason. It fails (1) where a statistic differs for which
no reason is known. The second compares retransmission counts with what a generated capture
is known to hold (`generate mixed --truth`).
"""

import argparse
import collections
import ipaddress
import json
import re
import subprocess
import sys

PAIR = re.compile(r"^\s+([^:]+):\s+(\S+)(?: \w+)?\s+([^:]+):\s+(\S+)(?: \w+)?\s*$")
NS = 1e6  # tcptrace prints milliseconds


class Statistic:
    """One line of tcptrace's and what it is called in synfin's records."""

    def __init__(self, name, key, tolerance=0, scale=1, peer=False):
        self.name, self.key, self.tolerance = name, key, tolerance
        # tcptrace counts what a side received under that side, synfin under its sender.
        self.scale, self.peer = scale, peer

    def ours(self, side):
        value = side
        for part in self.key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, bool):
            return "Y" if value else "N"
        return None if value is None else value / self.scale

    def theirs(self, text):
        try:
            return float(text)
        except ValueError:
            return text if text in ("Y", "N") else None

    def same(self, ours, theirs):
        if isinstance(ours, str) or isinstance(theirs, str):
            return ours == theirs
        return abs(ours - theirs) <= self.tolerance


HALF = 0.0501  # of the last digit that tcptrace prints
STATISTICS = [
    Statistic("total packets", "packets"),
    Statistic("pure acks sent", "pure_acks"),
    Statistic("unique bytes sent", "unique_bytes"),
    Statistic("actual data pkts", "data_segments"),
    Statistic("actual data bytes", "payload"),
    Statistic("rexmt data pkts", "retransmitted_segments"),
    Statistic("rexmt data bytes", "retransmitted_bytes"),
    Statistic("outoforder pkts", "out_of_order_segments"),
    Statistic("pushed data pkts", "pushes"),
    Statistic("mss requested", "mss"),
    Statistic("adv wind scale", "window_scale"),
    Statistic("req sack", "sack_permitted"),
    Statistic("max segm size", "segment_max"),
    Statistic("min segm size", "segment_min"),
    Statistic("max win adv", "window_max"),
    Statistic("min win adv", "window_min"),
    Statistic("zero win adv", "zero_windows"),
    Statistic("initial window", "initial_window"),
    Statistic("duplicate acks", "duplicate_acks", peer=True),
    Statistic("idletime max", "idle_max", HALF, NS),
    Statistic("RTT samples", "rtt.samples"),
    Statistic("RTT min", "rtt.min", HALF, NS),
    Statistic("RTT max", "rtt.max", HALF, NS),
    Statistic("RTT avg", "rtt.mean", HALF, NS),
]

# Why a statistic may differ. Each was looked at in the packets; what is not here is a fault.
REASONS = {
    "rexmt data pkts": "tcptrace takes a segment that fills a hole for one out of order, however late and "
    "whatever its IP ID; synfin goes by time, IP ID and SACK",
    "outoforder pkts": "the other half of the line above",
    "rexmt data bytes": "as above; and a FIN sent again counts as one octet in tcptrace (http.dmp frame 265)",
    "pushed data pkts": "tcptrace does not count PSH on a FIN without data (http.dmp frame 429)",
    "max win adv": "tcptrace counts the window of the SYN, which is never scaled (http.dmp frame 422)",
    "min win adv": "as above (ipv6_ftp_nasa.snp frame 53)",
    "duplicate acks": "tcptrace counts every segment without data that repeats an acknowledgment, so the FIN "
    "after the ACK of the other FIN too, and changed windows; synfin gives Wireshark's label",
    "RTT samples": "tcptrace leaves out acknowledgments that repair of a loss delayed ('post-loss acks'); "
    "synfin leaves out what Karn's rule says: segments sent more than once",
    "RTT min": "tcptrace takes a minimum of 0 for none (psc.fddi.dmp)",
    "RTT max": "as for RTT samples",
    "RTT avg": "as for RTT samples",
}


def tcptrace(path):
    """Complete connections: {(a, b): [(first, {name: [a's, b's]}), ...]}."""
    run = subprocess.run(["tcptrace", "-n", "-l", "-r", path], capture_output=True, text=True, errors="replace")
    found = collections.defaultdict(list)
    for block in run.stdout.split("TCP connection ")[1:]:
        hosts = re.findall(r"host \w+:\s+(\S+):(\d+)\n", block)
        if len(hosts) != 2 or "complete conn: yes" not in block:
            continue
        values = {}
        for line in block.splitlines():
            if (m := PAIR.match(line)) and m[1] == m[3]:
                values.setdefault(m[1].strip(), (m[2], m[4]))
        try:
            key = tuple((ipaddress.ip_address(h), int(p)) for h, p in hosts)
        except ValueError:
            continue
        found[key].append(values)
    return found


def synfin(program, path):
    """Connections: {(orig, resp): [[orig's, resp's], ...]}."""
    words = [program, "replay", path, "--format", "json", "--view", "connections", "--limit", "all"]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1) or not run.stdout:
        sys.exit(f"{' '.join(words)}: exit {run.returncode}\n{run.stderr}")
    found = collections.defaultdict(list)
    for stream in json.loads(run.stdout)["streams"]:
        if stream["type"] != "tcp_stream":
            continue
        sides = stream["sides"]
        for side, name in zip(sides, ("orig", "resp")):
            side["packets"], side["payload"] = stream[f"{name}_pkts"], stream[f"{name}_payload"]
        key = tuple((ipaddress.ip_address(stream[n]), stream[f"{n}_port"]) for n in ("orig", "resp"))
        found[key].append(sides)
    return found


def name_of(key):
    return " > ".join(f"{a}:{p}" for a, p in key)


def compare(program, paths):
    """The table, and whether every difference has a reason."""
    equal, differ = collections.Counter(), collections.defaultdict(list)
    connections = merged = beyond = 0
    for path in paths:
        theirs, ours = tcptrace(path), synfin(program, path)
        for key, blocks in theirs.items():
            mine = ours.get(key, [])
            if len(mine) != len(blocks):
                merged += 1  # reused ports: tcptrace takes several connections for one
                continue
            for block, sides in zip(blocks, mine):
                if any(int(n) for n in block["truncated packets"]) and any(
                    int(n) != side["payload"] for n, side in zip(block["actual data bytes"], sides)
                ):
                    beyond += 1  # lengths of IP go past the frame: tcptrace believes them
                    continue
                connections += 1
                for s in STATISTICS:
                    if s.name not in block:
                        continue
                    for i, side in enumerate(sides):
                        a, b = s.ours(sides[1 - i] if s.peer else side), s.theirs(block[s.name][i])
                        if a is None and b == 0:
                            a = 0  # nothing to measure: left out by us, 0 by tcptrace
                        if a is None or b is None:
                            continue
                        if s.same(a, b):
                            equal[s.name] += 1
                        else:
                            differ[s.name].append((path, key, "ab"[i], b, a))
    lines = [
        f"{connections} complete connections in {len(paths)} files. Not compared: {merged} pairs of endpoints "
        f"whose connections tcptrace does not take apart (reused ports), {beyond} connections whose IP "
        "lengths go past the frame (tcptrace believes them; synfin and tshark do not).",
        "",
        "| statistic | sides equal | differ | example: tcptrace, synfin | reason |",
        "|---|--:|--:|---|---|",
    ]
    fine = True
    for s in STATISTICS:
        cases = differ[s.name]
        example = reason = ""
        if cases:
            path, key, side, b, a = cases[0]
            b, a = (v if isinstance(v, str) else f"{v:.10g}" for v in (b, a))
            example = f"{path.rsplit('/', 1)[-1]} {name_of(key)} {side}: {b}, {a}"
            reason = REASONS.get(s.name, "**not known**")
            fine &= s.name in REASONS
        lines.append(f"| {s.name} | {equal[s.name]} | {len(cases)} | {example} | {reason} |")
    return "\n".join(lines), fine


def section(path, text):
    """Replaces the part of the document between this script's markers, or adds it."""
    begin, end = "<!-- tcptrace begins -->\n", "<!-- tcptrace ends -->\n"
    try:
        with open(path, encoding="utf-8") as f:
            old = f.read()
    except FileNotFoundError:
        old = "# Conformance\n"
    body = f"{begin}## tcptrace\n\n{text}\n{end}"
    if begin in old and end in old:
        new = old.split(begin)[0] + body + old.split(end, 1)[1]
    else:
        new = old.rstrip() + "\n\n" + body
    with open(path, "w", encoding="utf-8") as f:
        f.write(new)


def truth(program, path, known):
    """Prints how retransmission counts compare with the truth; True if none is out of bounds."""
    ours = synfin(program, path)
    out = exact = sides = retransmissions = late = 0
    for line in open(known, encoding="utf-8"):
        record = json.loads(line)
        if not record["client"]:
            continue
        ends = []
        for name in ("client", "server"):
            host, port = record[name].rsplit(":", 1)
            ends.append((ipaddress.ip_address(host.strip("[]")), int(port)))
        found = ours.get(tuple(ends), [])
        if len(found) != 1:
            print(f"{name_of(ends)}: {len(found)} connections, one expected")
            out += 1
            continue
        for name, side in zip(("orig", "resp"), found[0]):
            real = record[name]
            sides += 1
            # One whose first copy was lost before the capture point may or may not be known
            # for what it is; one with both copies captured must be.
            both = sum(1 for _, original, _, _ in real["repeats"] if original)
            every = len(real["repeats"])
            count = side["retransmitted_segments"]
            exact += count == every
            retransmissions += every
            late += real["late"]
            if not both <= count <= every:
                out += 1
                print(f"{name_of(ends)} {name}: {count} retransmitted, known {both} to {every}, late {real['late']}")
            if side["unique_bytes"] != real["unique_octets"]:
                out += 1
                print(f"{name_of(ends)} {name}: {side['unique_bytes']} unique octets, known {real['unique_octets']}")
    print(f"{sides} sides, {retransmissions} retransmissions, {late} overtaken segments captured; "
          f"{exact} sides exact, {out} out of bounds")
    return out == 0


RETRANSMISSIONS = {
    "fast_retransmit", "rack_retransmit", "tail_loss_probe", "timeout_retransmit",
    "handshake_retransmit", "spurious_retransmit", "retransmit",
}  # fmt: skip
OTHERS = {"reordered", "captured_twice", "duplicated_by_network"}


def verdicts(program, path, known):
    """Prints the verdicts against the truth; True if no `certain` one is wrong."""
    real = {}
    for line in open(known, encoding="utf-8"):
        record = json.loads(line)
        for name in ("orig", "resp"):
            for frame, original, cause, fate in record[name]["repeats"]:
                real[frame] = (f"{cause}, first copy {'captured' if original else 'lost before'}, {fate}", fate)
    words = [program, "replay", path, "--format", "ndjson", "--view", "events", "--limit", "all"]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    counts, seen, wrong = collections.Counter(), set(), 0
    for line in run.stdout.splitlines():
        event = json.loads(line)
        if event["type"] != "event" or event["kind"] not in RETRANSMISSIONS | OTHERS:
            continue
        # The proof that a retransmission was spurious may come later: then it is the witness.
        proof = event["kind"] == "spurious_retransmit" and event.get("witness") == event["frame"]
        frame = event["original"] if proof else event["frame"]
        what, fate = real.get(frame, ("no retransmission", None))
        seen.add(frame)
        counts[event["kind"], event["confidence"], what] += 1
        mistaken = (event["kind"] in RETRANSMISSIONS) != (frame in real)
        mistaken |= event["kind"] == "spurious_retransmit" and fate == "needed"
        if event["confidence"] == "certain" and mistaken:
            wrong += 1
            print(f"frame {event['frame']}: certainly {event['kind']}, but {what}")
    print("| verdict | confidence | what it was | how often |\n|---|---|---|--:|")
    for (kind, confidence, truth_of), n in sorted(counts.items()):
        print(f"| {kind} | {confidence} | {truth_of} | {n} |")
    print(f"{len(real)} retransmissions, {len(set(real) - seen)} without a verdict, {wrong} certain and wrong")
    return wrong == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--synfin", default="target/release/synfin", help="the program [%(default)s]")
    parser.add_argument("--truth", help="what a generated capture is known to hold")
    parser.add_argument("--write", help="put the table into this document, between its markers")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    if args.truth:
        fine = truth(args.synfin, args.files[0], args.truth)
        fine &= verdicts(args.synfin, args.files[0], args.truth)
    else:
        text, fine = compare(args.synfin, args.files)
        print(text)
        if args.write:
            command = "Made by `tests/tcptrace/compare.py --write docs/conformance.md FILE...`."
            section(args.write, f"{command} {text}")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
