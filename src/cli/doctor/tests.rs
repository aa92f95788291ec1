use super::*;

fn finding(probe: Probe, works: bool) -> Finding {
    let mends = if works { vec![] } else { vec!["sudo do".to_owned()] };
    Finding { probe, works, detail: "first\nsecond \x1b[2J".to_owned(), mends }
}

#[test]
fn a_no_comes_with_its_mend_and_nothing_commands_the_terminal() {
    let text = render(&Facts::default(), &[finding(Probe::Capture, false), finding(Probe::Port, true)]);
    for line in [
        "live capture           no   first",
        "mend: sudo do",
        "second \\u{1b}[2J",
        "port 1898              yes",
    ] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
    let end = "Missing: live capture. Reading capture files works in any case, and so do the captures of the labs \
               that come with synfin.\n";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn only_what_capturing_and_the_labs_need_decides() {
    for probe in Probe::ALL {
        assert_eq!(missing(&[finding(probe, false)]).is_empty(), !probe.is_main(), "{probe:?}");
    }
    // Of the two ways to join namespaces one is enough.
    for (tun, veth, expected) in
        [(true, true, true), (true, false, true), (false, true, true), (false, false, false)]
    {
        let findings = [finding(Probe::Tun, tun), finding(Probe::Veth, veth)];
        let text = render(&Facts::default(), &findings);
        assert_eq!(text.contains("Capturing and the labs work here."), expected, "{text}");
        assert_eq!(missing(&findings).is_empty(), expected);
    }
}
