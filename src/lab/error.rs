//! Why a lab could not run: the step that failed and what would mend it.

use std::fmt;

/// A step that had to succeed before the lab could speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabError {
    /// The step, in words of the system: `unshare(NEWUSER)`, `/dev/net/tun`, `step 7: client recv c`.
    pub step: String,
    /// What the system or the lab said about it.
    pub why: String,
    /// What would mend it, where that is known.
    pub mend: Option<String>,
    /// The fault is this machine's (no namespaces, no device): another machine, another
    /// privilege or another way of running the lab may do.
    pub environment: bool,
    /// This kernel lacks what this one lab is about; other labs run.
    pub lacking: bool,
}

impl LabError {
    /// A fault of the lab itself: its script, its rules, its programs.
    #[must_use]
    pub fn of_lab(step: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { step: step.into(), why: why.to_string(), mend: None, environment: false, lacking: false }
    }

    /// A fault of the machine the lab runs on.
    #[must_use]
    pub fn of_machine(step: impl Into<String>, why: impl fmt::Display, mend: impl Into<String>) -> Self {
        let mend = Some(mend.into());
        Self { step: step.into(), why: why.to_string(), mend, environment: true, lacking: false }
    }

    /// What this kernel lacks for this one lab.
    #[must_use]
    pub fn of_kernel(step: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { lacking: true, ..Self::of_machine(step, "this kernel has none", mend) }
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.why)?;
        match &self.mend {
            Some(mend) => write!(f, " ({mend})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for LabError {}
