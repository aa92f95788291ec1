//! What libpcap says when a capture cannot start, and what mends it.

use super::super::SourceErrorKind;
use super::list_interfaces;
use crate::model::Printable;

/// libpcap's own words.
pub(super) fn text(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The fault of a capture on `interface` that did not start. libpcap tells its
/// reasons apart only in words.
pub(super) fn of_opening(interface: &str, error: &pcap::Error) -> SourceErrorKind {
    let text = text(error);
    let said = text.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if any(&["permission", "operation not permitted"]) {
        SourceErrorKind::Permission(permission(interface, &text))
    } else if any(&["no such device", "doesn't exist", "no such network"]) {
        SourceErrorKind::Capture(unknown(interface))
    } else {
        SourceErrorKind::Capture(text)
    }
}

fn permission(interface: &str, text: &str) -> String {
    let program = std::env::current_exe().map_or("synfin".into(), |path| path.to_string_lossy().into_owned());
    let arguments: Vec<String> = std::env::args().skip(1).map(|arg| quoted(&arg)).collect();
    let arguments = match arguments.is_empty() {
        true => format!("capture -i {}", quoted(interface)),
        false => arguments.join(" "),
    };
    format!(
        "capturing needs the privilege to open a packet socket ({text}). Either run as root:\n    \
         sudo synfin {arguments}\nor give the program the privilege once:\n    \
         sudo setcap cap_net_raw+ep {}",
        quoted(&program)
    )
}

fn unknown(interface: &str) -> String {
    let known = list_interfaces().unwrap_or_default();
    let names: Vec<&str> = known.iter().map(|i| i.name.as_str()).collect();
    format!("there is no interface {} (there are: {})", Printable(interface), names.join(", "))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_decides_what_is_said() {
        let cases = [
            ("lo: You don't have permission to perform this capture on that device", "setcap cap_net_raw"),
            ("socket: Operation not permitted", "sudo synfin "),
            ("nope0: No such device exists (SIOCGIFHWADDR: No such device)", "there is no interface nope0"),
            ("nope0: That device is not up", "not up"),
        ];
        for (text, expected) in cases {
            let kind = of_opening("nope0", &pcap::Error::PcapError(text.to_owned()));
            assert!(kind.to_string().contains(expected), "{kind}");
        }
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("tcp"), "tcp");
        assert_eq!(quoted("port 80"), "'port 80'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
