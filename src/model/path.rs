//! The protocols around a header, outside in.

use std::fmt;

macro_rules! protos {
    ($($(#[$doc:meta])* $name:ident $text:literal,)*) => {
        /// A protocol that can stand around a transport header.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Proto { $($(#[$doc])* $name,)* }

        impl Proto {
            /// Wireshark's protocol name, as in `frame.protocols`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

protos! {
    /// Ethernet.
    Eth "eth",
    /// IEEE 802.1Q tag.
    Vlan "vlan",
    /// IEEE 802.1ad service tag.
    ServiceVlan "ieee8021ad",
    /// IEEE 802.1ah backbone.
    Pbb "ieee8021ah",
    /// IEEE 802.2 LLC.
    Llc "llc",
    /// MACsec.
    MacSec "macsec",
    /// MPLS label.
    Mpls "mpls",
    /// PPPoE session.
    Pppoe "pppoes",
    /// PPP.
    Ppp "ppp",
    /// Linux cooked capture.
    Sll "sll",
    /// BSD loopback.
    Null "null",
    /// Raw IP link type.
    Raw "raw",
    /// Cisco HDLC.
    Chdlc "chdlc",
    /// FDDI.
    Fddi "fddi",
    /// Token Ring.
    TokenRing "tr",
    /// ARCNET.
    Arcnet "arcnet",
    /// Endace ERF.
    Erf "erf",
    /// 802.11.
    Wlan "wlan",
    /// Radiotap.
    Radiotap "radiotap",
    /// Per-packet information.
    Ppi "ppi",
    /// Netfilter log.
    Nflog "nflog",
    /// Apple PKTAP.
    Pktap "pktap",
    /// IP over InfiniBand.
    Ipoib "ipoib",
    /// Frame Relay.
    FrameRelay "fr",
    /// OpenBSD pflog.
    Pflog "pflog",
    /// Juniper metadata.
    Juniper "juniper",
    /// ATM.
    Atm "atm",
    /// IPv4.
    Ip "ip",
    /// IPv6.
    Ipv6 "ipv6",
    /// IPv6 hop-by-hop options.
    HopOpts "ipv6.hopopts",
    /// IPv6 destination options.
    DstOpts "ipv6.dstopts",
    /// IPv6 routing header.
    Routing "ipv6.routing",
    /// IPv6 fragment header.
    Fragment "ipv6.fraghdr",
    /// IPv6 mobility header.
    Mobility "mipv6",
    /// Authentication header.
    Ah "ah",
    /// IP payload compression.
    Ipcomp "ipcomp",
    /// GRE.
    Gre "gre",
    /// ERSPAN.
    Erspan "erspan",
    /// UDP, when something is inside it.
    Udp "udp",
    /// VXLAN.
    Vxlan "vxlan",
    /// Geneve.
    Geneve "geneve",
    /// GTP-U.
    Gtp "gtp",
    /// L2TP.
    L2tp "l2tp",
    /// Network service header.
    Nsh "nsh",
    /// PIM register.
    Pim "pim",
    /// Teredo.
    Teredo "teredo",
}

/// The protocols outside a header, outermost first. Fifteen fit; a deeper nest
/// shows its first fifteen and is marked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ProtoPath {
    protos: [Proto; Self::CAPACITY],
    len: u8,
}

impl ProtoPath {
    const CAPACITY: usize = 15;

    /// Nothing yet.
    pub const EMPTY: Self = Self { protos: [Proto::Eth; Self::CAPACITY], len: 0 };

    /// Adds one more protocol inside the others.
    #[inline]
    pub fn push(&mut self, proto: Proto) {
        if let Some(slot) = self.protos.get_mut(usize::from(self.len)) {
            *slot = proto;
        }
        self.len = self.len.saturating_add(1);
    }

    /// How many protocols there are, even beyond those that fit.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// No protocol at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Back to the first `len` protocols.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(u8::try_from(len).unwrap_or(u8::MAX));
    }

    /// The protocols that fit, outermost first.
    pub fn iter(&self) -> impl Iterator<Item = Proto> + '_ {
        self.protos.iter().take(usize::from(self.len)).copied()
    }
}

impl fmt::Display for ProtoPath {
    /// `eth:vlan:ip`, as in Wireshark's `frame.protocols`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, p) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(":")?;
            }
            f.write_str(p.name())?;
        }
        if usize::from(self.len) > Self::CAPACITY { f.write_str(":…") } else { Ok(()) }
    }
}

impl fmt::Debug for ProtoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
