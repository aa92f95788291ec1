#!/usr/bin/env python3
"""Makes seeds for the fuzz targets from captures/ and from SYNFIN_CAPTURES.

What a target reads is not what a file holds: `pcap` wants the file without its magic number,
`decode` a frame behind two octets of link type. Small files and few frames of each are enough:
the fuzzer multiplies them.
"""

import hashlib
import os
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
LARGEST = 16_384
FRAMES = 6


def keep(target, data):
    """Writes a seed under the name that libFuzzer would give it."""
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def frames(data):
    """The frames of a classic pcap file: (link type, octets)."""
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\x4d\x3c\xb2\xa1": "<"}.get(data[:4])
    if order is None:
        return
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF if len(data) >= 24 else 0
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        frame = data[at + 16 : at + 16 + length]
        if len(frame) < length:
            return
        yield link, frame
        at += 16 + length


def tcp_options(frame):
    """The option octets of an Ethernet, IPv4, TCP frame."""
    if len(frame) > 54 and frame[12:14] == b"\x08\x00" and frame[23] == 6:
        start = 14 + 4 * (frame[14] & 15)
        if len(frame) > start + 20:
            return frame[start + 20 : start + 4 * (frame[start + 12] >> 4)]
    return b""


def seed(path):
    """Seeds from one file."""
    data = path.read_bytes()
    name = path.name
    if name.endswith(".pkt"):
        keep("script", data)
        return
    small = data[:LARGEST]
    keep("reader", small)
    if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"):
        keep("pcap", (b"\x00" if data[:1] == b"\xd4" else b"\x03") + small[4:])
        keep("compressed", b"\x03" + small)
        keep("pcapng_writer", small)
    elif data[:4] == b"\x0a\x0d\x0d\x0a" and len(data) > 28:
        length = struct.unpack("<I", data[4:8])[0]
        keep("pcapng", b"\x00" + small[length if length < len(small) else 28 :])
        keep("pcapng_writer", small)
    elif data[:5] == b"snoop":
        keep("snoop_erf", small[8:])
    elif data[:2] == b"\x1f\x8b":
        keep("compressed", b"\x00" + small[3:])
    elif data[:4] == b"\x28\xb5\x2f\xfd":
        keep("compressed", b"\x01" + small[4:])
    elif data[:4] == b"\x04\x22\x4d\x18":
        keep("compressed", b"\x02" + small[4:])
    ethernet = b""
    for number, (link, frame) in enumerate(frames(data)):
        if number < FRAMES:
            for target in ("decode", "headers"):
                keep(target, struct.pack(">BBB", 200 if link > 255 else 0, link & 255, 0) + frame)
            if options := tcp_options(frame):
                keep("options", options)
        if link == 1 and len(frame) < 256 and len(ethernet) < LARGEST:
            ethernet += bytes([len(frame)]) + frame
    if ethernet:
        keep("track_frames", ethernet)


def main():
    folders = [HERE.parent / "captures"]
    if elsewhere := os.environ.get("SYNFIN_CAPTURES"):
        folders.append(pathlib.Path(elsewhere))
    files = [p for f in folders for p in sorted(f.rglob("*")) if p.is_file()]
    for path in files:
        seed(path)
    for path in sorted((HERE.parent / "src" / "lab").rglob("*.toml")):
        keep("lab", path.read_bytes())
    print(f"seeds from {len(files)} files")


if __name__ == "__main__":
    main()
