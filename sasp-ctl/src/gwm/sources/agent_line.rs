//! One line of HAProxy's agent-check protocol, and what a sequence of them amounts to.
//!
//! Words are separated by spaces, tabs or commas and stand in any order; the last of a kind counts, case does not.
//! What a line does not mention stays as it was: only the agent can undo what it did. `#` begins a description.

/// The longest line that is read, in bytes.
pub(super) const LINE_MAX: usize = 1024;
/// HAProxy's largest weight is 256, for a usual weight of 100.
const PERCENT_MAX: u16 = 256;

/// What a line says. `None`: it does not speak of that.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct AgentLine {
    /// `drain` and `maint` (true) or `ready` (false).
    pub quiesce: Option<bool>,
    /// `up`, or one of `down`, `fail`, `failed` and `stopped`.
    pub up: Option<bool>,
    /// `75%`.
    pub percent: Option<u16>,
    /// The first word that is not understood. The others count nevertheless, as with HAProxy.
    pub unknown: Option<String>,
}

impl AgentLine {
    /// Reads a line, with or without its end.
    ///
    /// # Errors
    /// If there are words but none is understood: whatever speaks there is no agent.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let line = String::from_utf8_lossy(line);
        let line = line.split(['\r', '\n']).next().unwrap_or_default();
        let words = line.split('#').next().unwrap_or_default();
        let mut said = Self::default();
        let mut understood = false;
        for word in words
            .split([' ', '\t', ','])
            .filter(|word| !word.is_empty())
        {
            if said.take(&word.to_ascii_lowercase()) {
                understood = true;
            } else {
                said.unknown.get_or_insert_with(|| shortened(word));
            }
        }
        match said.unknown {
            Some(word) if !understood => Err(format!("answers {word:?}, which is no agent-check")),
            _ => Ok(said),
        }
    }

    fn take(&mut self, word: &str) -> bool {
        match word {
            "ready" => self.quiesce = Some(false),
            "drain" | "maint" => self.quiesce = Some(true),
            "up" => self.up = Some(true),
            "down" | "fail" | "failed" | "stopped" => self.up = Some(false),
            // Connections are not ours to limit.
            _ if word.starts_with("maxconn:") => {}
            _ => match word.strip_suffix('%').and_then(percent) {
                Some(percent) => self.percent = Some(percent),
                None => return false,
            },
        }
        true
    }
}

fn percent(digits: &str) -> Option<u16> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // A number that is too long for the type is large.
    is_number.then(|| digits.parse().unwrap_or(PERCENT_MAX).min(PERCENT_MAX))
}

fn shortened(word: &str) -> String {
    word.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(quiesce: Option<bool>, up: Option<bool>, percent: Option<u16>) -> AgentLine {
        AgentLine {
            quiesce,
            up,
            percent,
            unknown: None,
        }
    }

    #[test]
    #[rustfmt::skip] // One case a line.
    fn words_stand_in_any_order_and_the_last_of_a_kind_counts() {
        for (line, expected) in [
            ("75%\n", said(None, None, Some(75))),
            ("up\r\n", said(None, Some(true), None)),
            ("UP,Ready\t100%\n", said(Some(false), Some(true), Some(100))),
            ("drain 0%\n", said(Some(true), None, Some(0))),
            ("maint\n", said(Some(true), None, None)),
            ("ready maint\n", said(Some(true), None, None)),
            ("down up 10% 20%\n", said(None, Some(true), Some(20))),
            ("down # up ready 5%\n", said(None, Some(false), None)),
            ("failed#disk full\n", said(None, Some(false), None)),
            ("stopped\rup\n", said(None, Some(false), None)),
            ("fail", said(None, Some(false), None)),
            ("256% maxconn:30\n", said(None, None, Some(256))),
            ("99999999999%\n", said(None, None, Some(256))),
            ("maxconn:30\n", said(None, None, None)),
            (" ,\t\n", said(None, None, None)),
            ("\n", said(None, None, None)),
        ] {
            assert_eq!(AgentLine::parse(line.as_bytes()), Ok(expected), "{line:?}");
        }
    }

    #[test]
    fn a_word_that_is_not_understood_does_not_spoil_the_others_but_only_such_words_are_no_answer() {
        let line = AgentLine::parse(b"load=3 50%\n").unwrap();
        assert_eq!(line.percent, Some(50));
        assert_eq!(line.unknown.as_deref(), Some("load=3"));
        for garbage in [
            "HTTP/1.1 400 Bad Request\r\n",
            "50\n",
            "%\n",
            "-5%\n",
            "\u{ff}\n",
        ] {
            let refused = AgentLine::parse(garbage.as_bytes()).unwrap_err();
            assert!(
                refused.contains("is no agent-check"),
                "{garbage:?}: {refused}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_that_comes_is_too_odd(line: Vec<u8>) {
            if let Err(reason) = AgentLine::parse(&line) {
                prop_assert!(!reason.contains('\n'));
            }
        }
    }
}
