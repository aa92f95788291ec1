//! Values of records that are more exact than the types of std: words out of a list,
//! numbers with a bound, flags that are only ever true.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use synfin::decode::Problem;
use synfin::model::{Protocol, Side, TcpState};
use synfin::track::{Confidence, EventKind, Handshake, Labels, Teardown};

/// A type for each list of words. The lists are the program's own, where it has one.
macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident: $all:expr;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub struct $name;

        impl $name {
            fn all() -> Vec<&'static str> {
                $all.into_iter().collect()
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let word = String::deserialize(d)?;
                if Self::all().contains(&word.as_str()) {
                    return Ok(Self);
                }
                Err(D::Error::custom(format!("{word:?} is none of {:?}", Self::all())))
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                Self::all().len() < 4
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let text = [$($doc),+].map(str::trim).join(" ");
                json_schema!({ "type": "string", "description": text, "enum": Self::all() })
            }
        }
    )*};
}

words! {
    /// A record of a TCP header.
    TypeTcp: ["tcp"];
    /// A record of a UDP header.
    TypeUdp: ["udp"];
    /// A record of an ICMP message.
    TypeIcmp: ["icmp"];
    /// A record of an event.
    TypeEvent: ["event"];
    /// A record of a TCP connection.
    TypeTcpStream: ["tcp_stream"];
    /// A record of a UDP conversation.
    TypeUdpStream: ["udp_stream"];
    /// A transport protocol.
    Transport: [Protocol::Tcp.name(), Protocol::Udp.name()];
    /// Who: the originator or the responder.
    End: [Side::Orig.name(), Side::Resp.name()];
    /// One of the endpoints `a` and `b`.
    AorB: ["a", "b"];
    /// The roles are not known from a handshake.
    Guessed: ["guessed"];
    /// A flag of Wireshark's analysis, less `tcp.analysis.`.
    Label: Labels::ALL.iter().map(|&(_, name)| name);
    /// What happened.
    Kind: EventKind::ALL.iter().map(|kind| kind.name());
    /// How sure a verdict is.
    Sureness: [Confidence::Certain, Confidence::Likely, Confidence::Undetermined].map(Confidence::name);
    /// What is wrong with a header.
    Fault: Problem::ALL.iter().map(|problem| problem.text());
    /// A state of RFC 9293 section 3.3.2.
    State: TcpState::ALL.iter().map(|state| state.name());
    /// How a connection began.
    Beginning: [
        Handshake::Midstream,
        Handshake::Unanswered,
        Handshake::Refused,
        Handshake::HalfOpen,
        Handshake::SynAckOnly,
        Handshake::Complete,
        Handshake::Simultaneous,
    ].map(Handshake::name);
    /// How a connection ended.
    Ending: endings();
    /// Zeek's `conn_state`.
    ConnState: [
        "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH",
    ];
}

fn endings() -> Vec<&'static str> {
    let by = Side::Orig;
    let closed = |three_segments| Teardown::Closed { first: by, three_segments, acknowledged: true };
    [
        Teardown::Open,
        Teardown::HalfClosed { by },
        closed(true),
        closed(false),
        Teardown::Simultaneous { first: by, acknowledged: true },
        Teardown::Reset { by, state: None, frame: 1 },
    ]
    .map(Teardown::name)
    .into()
}

/// A number from 0 to `N`.
#[derive(Debug)]
pub struct UpTo<const N: u64>;

impl<'de, const N: u64> Deserialize<'de> for UpTo<N> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let n = u64::deserialize(d)?;
        if n <= N { Ok(Self) } else { Err(D::Error::custom(format!("{n} is above {N}"))) }
    }
}

impl<const N: u64> JsonSchema for UpTo<N> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("UpTo{N}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": N })
    }
}

/// `true`: what is false is left out.
#[derive(Debug)]
pub struct True;

impl<'de> Deserialize<'de> for True {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if bool::deserialize(d)? { Ok(Self) } else { Err(D::Error::custom("false is left out")) }
    }
}

impl JsonSchema for True {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "True".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": true })
    }
}

/// A field that can be absent; there it is never `null`.
#[derive(Debug)]
pub struct May<T>(Option<T>);

impl<T> Default for May<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for May<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize(d).map(|value| Self(Some(value)))
    }
}

impl<T: JsonSchema> JsonSchema for May<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}
