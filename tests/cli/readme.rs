//! The sessions in the README, as the program has them today.

use std::fs;
use std::path::Path;

use crate::*;

/// The sessions in README.md that replay a bundled capture print what the program prints.
/// `SYNFIN_ACCEPT=1` pastes them anew.
#[test]
fn the_readme_shows_real_sessions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let old = fs::read_to_string(root.join("README.md")).unwrap();
    let (mut new, mut rest, mut sessions) = (String::new(), old.as_str(), 0);
    while let Some((before, after)) = rest.split_once("```console\n") {
        let (session, after) = after.split_once("\n```").unwrap();
        let (typed, _) = session.split_once('\n').unwrap_or((session, ""));
        new.push_str(before);
        new.push_str("```console\n");
        match typed.strip_prefix("$ synfin replay ") {
            Some(words) => {
                let mut command = synfin();
                command.env("COLUMNS", "80").current_dir(root).arg("replay").args(words.split(' '));
                new.push_str(&format!("{typed}\n{}", output(&mut command).trim_end()));
                sessions += 1;
            }
            None => new.push_str(session),
        }
        new.push_str("\n```");
        rest = after;
    }
    new.push_str(rest);
    assert!(sessions >= 3, "only {sessions} sessions found");
    if std::env::var_os("SYNFIN_ACCEPT").is_some_and(|v| v == "1") {
        fs::write(root.join("README.md"), new).unwrap();
        return;
    }
    similar_lines(&old, &new);
}

/// Fails at the first line that differs.
fn similar_lines(old: &str, new: &str) {
    for (number, (old, new)) in old.lines().zip(new.lines()).enumerate() {
        assert_eq!(old, new, "README.md:{}: SYNFIN_ACCEPT=1 pastes the sessions anew", number + 1);
    }
    assert_eq!(
        old.lines().count(),
        new.lines().count(),
        "README.md: SYNFIN_ACCEPT=1 pastes the sessions anew"
    );
}
