//! A lab over IPv4 or IPv6: which of the two, what keeps it from IPv6, and how many octets a
//! full segment carries over each.

use std::net::Ipv4Addr;

use super::error::LabError;
use super::rules::{Act, Rule};
use super::script::Script;

/// The least that every link must carry (RFC 8200 section 5), octets.
const LEAST_MTU: u16 = 1280;

impl Script {
    /// It runs over IPv6.
    pub(super) fn over_ipv6(&self) -> bool {
        self.ip == Some(6)
    }

    /// Why it cannot run over IPv6, if it cannot.
    pub(super) fn only_ipv4(&self) -> Option<String> {
        if self.ip == Some(4) {
            return Some(self.ip_because.clone().unwrap_or_else(|| "its file says ip = 4".into()));
        }
        if self.wire.mtu < LEAST_MTU {
            return Some(format!(
                "its link takes {} octets, and IPv6 wants {LEAST_MTU} (RFC 8200 section 5)",
                self.wire.mtu
            ));
        }
        let words = self.steps.split(|c: char| !c.is_ascii_digit() && c != '.');
        let address = words.into_iter().find(|w| w.parse::<Ipv4Addr>().is_ok());
        address.map(|a| format!("its steps name the IPv4 address {a}"))
    }

    /// Settles which version of IP it runs over, and puts in how much a full segment carries.
    pub(super) fn settle_ip(&mut self, ipv6: bool) -> Result<(), LabError> {
        if ipv6 && !self.over_ipv6() {
            if let Some(why) = self.only_ipv4() {
                return Err(LabError {
                    step: format!("lab {} over IPv6", self.name),
                    why,
                    mend: Some("run it without -6".into()),
                    environment: false,
                    lacking: false,
                });
            }
            self.ip = Some(6);
        }
        let full = self.full();
        self.steps = fill(&self.steps, full);
        self.rules.iter_mut().for_each(|r| *r = fill(r, full));
        self.expect.iter_mut().for_each(|e| e.check = fill(&e.check, full));
        Ok(())
    }

    /// Octets of data in a full segment: the MTU less the headers of IP and TCP, and less the time
    /// stamps (RFC 7323) unless a host does without.
    fn full(&self) -> u16 {
        let none = |value: &toml::Value| value.as_integer() == Some(0) || value.as_str() == Some("0");
        let stamps = !self.sysctl.values().filter_map(|own| own.get("tcp_timestamps")).any(none);
        let ip = if self.over_ipv6() { 40 } else { 20 };
        self.wire.mtu - ip - 20 - if stamps { 12 } else { 0 }
    }

    /// Refuses rules that no kernel would heed over this version of IP.
    pub(super) fn check_rules(&self, rules: &[Rule]) -> Result<(), LabError> {
        let small = |r: &&Rule| matches!(r.act, Act::TooBig(mtu) if mtu < LEAST_MTU);
        match rules.iter().find(small) {
            Some(r) if self.over_ipv6() => Err(LabError::of_lab(
                format!("rule {:?}", r.text),
                format!(
                    "over IPv6 no link takes less than {LEAST_MTU} octets, and who says so is not believed (RFC 8201 section 4)"
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// Puts a number for `full` and `3*full`, outside of quotation marks and comments.
fn fill(text: &str, full: u16) -> String {
    let value = |word: &str| match word.strip_suffix("full") {
        Some("") => Some(usize::from(full)),
        Some(times) => Some(times.strip_suffix('*')?.parse::<usize>().ok()?.saturating_mul(full.into())),
        None => None,
    };
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (mut word, mut quoted, mut escaped, mut comment) = (String::new(), false, false, false);
        let flush = |word: &mut String, out: &mut String| {
            match value(word) {
                Some(n) => out.push_str(&n.to_string()),
                None => out.push_str(word),
            }
            word.clear();
        };
        for c in line.chars() {
            if !quoted && !comment && (c.is_ascii_alphanumeric() || matches!(c, '*' | '-' | '_')) {
                word.push(c);
                continue;
            }
            flush(&mut word, &mut out);
            out.push(c);
            match c {
                '"' if !comment && !escaped => quoted = !quoted,
                '#' if !quoted => comment = true,
                _ => {}
            }
            escaped = quoted && c == '\\' && !escaped;
        }
        flush(&mut word, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn full_segments_are_counted_in_octets() {
        let cases = [
            ("client send-all c 10*full", "client send-all c 14480"),
            ("count client:data+len=full >= 2", "count client:data+len=1448 >= 2"),
            ("count data+len<full == 1\nx full", "count data+len<1448 == 1\nx 1448"),
            ("send c \"full \\\" 2*full\" full # full", "send c \"full \\\" 2*full\" 1448 # full"),
            ("udp-full-buffer fully 3*fuller x*full", "udp-full-buffer fully 3*fuller x*full"),
            ("", ""),
        ];
        for (text, filled) in cases {
            assert_eq!(fill(text, 1448), filled);
        }
    }
}
