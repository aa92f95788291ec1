//! Link-layer header types, by the numbers of the tcpdump.org LINKTYPE_ registry.

/// A LINKTYPE_ value: what the first header of a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u16);

macro_rules! link_types {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        impl LinkType {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The registry's name in lower case, as `tcpdump -L` prints it.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($value => Some($text),)* _ => None }
            }
        }
    };
}

link_types! {
    /// BSD loopback: a 4-byte address family in the byte order of the capturing host.
    NULL = 0, "null";
    /// Ethernet (IEEE 802.3).
    ETHERNET = 1, "ethernet";
    /// IEEE 802.5 Token Ring.
    TOKEN_RING = 6, "token_ring";
    /// ARCNET with the BSD headers.
    ARCNET_BSD = 7, "arcnet_bsd";
    /// PPP, with or without the HDLC-like framing octets.
    PPP = 9, "ppp";
    /// FDDI.
    FDDI = 10, "fddi";
    /// PPP in HDLC-like framing.
    PPP_HDLC = 50, "ppp_hdlc";
    /// PPP over Ethernet, starting at the PPPoE header.
    PPP_ETHER = 51, "ppp_ether";
    /// RFC 1483 LLC-encapsulated ATM.
    ATM_RFC1483 = 100, "atm_rfc1483";
    /// Raw IPv4 or IPv6.
    RAW = 101, "raw";
    /// Cisco HDLC.
    C_HDLC = 104, "c_hdlc";
    /// IEEE 802.11.
    IEEE802_11 = 105, "ieee802_11";
    /// Frame Relay.
    FRELAY = 107, "frelay";
    /// OpenBSD loopback: as NULL, always big-endian.
    LOOP = 108, "loop";
    /// Linux cooked capture.
    LINUX_SLL = 113, "linux_sll";
    /// OpenBSD pflog.
    PFLOG = 117, "pflog";
    /// 802.11 with the Prism header.
    IEEE802_11_PRISM = 119, "ieee802_11_prism";
    /// 802.11 with radiotap.
    IEEE802_11_RADIOTAP = 127, "ieee802_11_radiotap";
    /// ARCNET with the Linux headers.
    ARCNET_LINUX = 129, "arcnet_linux";
    /// 802.11 with the AVS header.
    IEEE802_11_AVS = 163, "ieee802_11_avs";
    /// PPP with a direction octet.
    PPP_WITH_DIR = 166, "ppp_with_dir";
    /// Per-packet information header.
    PPI = 192, "ppi";
    /// Endace ERF records.
    ERF = 197, "erf";
    /// Solaris IP network interfaces.
    IPNET = 226, "ipnet";
    /// Raw IPv4.
    IPV4 = 228, "ipv4";
    /// Raw IPv6.
    IPV6 = 229, "ipv6";
    /// Linux netfilter log.
    NFLOG = 239, "nflog";
    /// IP over InfiniBand.
    IPOIB = 242, "ipoib";
    /// Apple PKTAP.
    PKTAP = 258, "pktap";
    /// Linux cooked capture, version 2.
    LINUX_SLL2 = 276, "linux_sll2";
}

impl std::fmt::Display for LinkType {
    /// The registry's name, or `linktype 147` where synfin knows none.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "linktype {}", self.0),
        }
    }
}
