//! A capture of what is rare: headers cut or malformed, fragments, UDP-Lite, and ICMP
//! errors about what was never seen.

/// Octets of a packet that the capture kept, and how long it was.
struct Frame(Vec<u8>, usize);

/// An IPv4 packet of `protocol`; `fragment` is the field of flags and offset.
fn ip(protocol: u8, id: u16, fragment: u16, payload: &[u8]) -> Frame {
    let length = 20 + payload.len();
    let mut octets = vec![0x45, 0];
    octets.extend(u16::try_from(length).unwrap().to_be_bytes());
    octets.extend(id.to_be_bytes());
    octets.extend(fragment.to_be_bytes());
    octets.extend([64, protocol, 0, 0, 10, 0, 0, 1, 192, 0, 2, 1]);
    octets.extend(payload);
    Frame(octets, length)
}

impl Frame {
    /// Snapped after `kept` octets of what follows the IP header.
    fn snapped(mut self, kept: usize) -> Self {
        self.0.truncate(20 + kept);
        self
    }

    /// Without its last octet, though its header promises it.
    fn short(mut self) -> Self {
        self.0.pop();
        self.1 = self.0.len();
        self
    }
}

fn tcp(port: u16, data: &[u8]) -> Vec<u8> {
    let mut octets = port.to_be_bytes().to_vec();
    octets.extend([0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 5 << 4, 2, 0xfa, 0xf0, 0, 0, 0, 0]);
    octets.extend(data);
    octets
}

fn udp(port: u16, length: u8) -> Vec<u8> {
    let mut octets = port.to_be_bytes().to_vec();
    octets.extend([0, 53, 0, length, 0, 0, 1, 2, 3, 4]);
    octets
}

/// Destination unreachable (RFC 792) about `about`.
fn unreachable(about: &Frame) -> Vec<u8> {
    let mut octets = vec![3, 3, 0, 0, 0, 0, 0, 0];
    octets.extend(&about.0[..28]);
    octets
}

fn frames() -> [Frame; 13] {
    const MORE: u16 = 0x2000;
    let error = unreachable(&ip(6, 9, 0, &tcp(1009, &[])));
    let whole = tcp(1007, &[]);
    [
        ip(6, 1, 0, &tcp(1001, &[])).snapped(8),
        ip(17, 2, 0, &udp(1002, 12)).snapped(4),
        ip(136, 3, 0, &udp(1003, 8)),
        ip(6, 4, 0, &tcp(1004, b"data")).short(),
        ip(17, 5, 0, &udp(1005, 12)).short(),
        ip(1, 6, 0, &error).short(),
        ip(6, 7, MORE, &whole[..16]),
        ip(6, 7, 2, &whole[16..]),
        ip(6, 8, MORE, &tcp(1008, &[])[..8]),
        ip(6, 8, 1, &tcp(1008, &[])[8..12]),
        ip(1, 9, MORE, &error[..16]),
        ip(1, 9, 2, &error[16..]),
        ip(1, 10, 0, &unreachable(&ip(17, 11, 0, &udp(1010, 12)))),
    ]
}

/// The capture, a classic pcap of raw IP.
pub fn pcap() -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend(word.to_le_bytes());
    }
    for (second, Frame(octets, length)) in (1u32..).zip(frames()) {
        for word in [second, 0, octets.len() as u32, length as u32] {
            file.extend(word.to_le_bytes());
        }
        file.extend(octets);
    }
    file
}

/// The same packets without a time: simple packets of pcapng.
pub fn timeless() -> Vec<u8> {
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let length = (12 + body.len().next_multiple_of(4)) as u32;
        file.extend(kind.to_le_bytes());
        file.extend(length.to_le_bytes());
        file.extend(body);
        file.resize(file.len().next_multiple_of(4), 0);
        file.extend(length.to_le_bytes());
    };
    block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    block(1, &[101, 0, 0, 0, 0, 0, 0, 0]);
    for Frame(octets, _) in frames() {
        let mut body = (octets.len() as u32).to_le_bytes().to_vec();
        body.extend(octets);
        block(3, &body);
    }
    file
}
