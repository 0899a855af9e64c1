//! What the file of a GWM says, for people.

use std::path::Path;

use super::line;
use crate::gwm::config::Config;
use crate::gwm::sources::Rule;
use crate::gwm::sources::rule::Members;

/// The file is good; this is what it says.
pub(super) fn summary(path: &Path, config: &Config) -> String {
    let mut text = format!("{}: good\n", path.display());
    for warning in &config.warnings {
        line(&mut text, format_args!("warning: {warning}"));
    }
    if config.rules.is_empty() {
        let note = "warning: no [[weights]] is listed: nothing is known of any member";
        line(&mut text, format_args!("{note}"));
    }
    let tls = match config.tls {
        Some(_) => "TLS",
        None => "no TLS",
    };
    line(
        &mut text,
        format_args!("listens on {}, {tls}", config.listen),
    );
    if let Some(status) = config.status {
        line(&mut text, format_args!("status page on {status}"));
    }
    if let Some(state) = &config.state {
        line(
            &mut text,
            format_args!("overrides are kept in {}", state.display()),
        );
    }
    for rule in &config.rules {
        line(
            &mut text,
            format_args!(
                "weights of group {}{}, {}: {}",
                rule.group,
                match &rule.balancer {
                    Some(uid) => format!(" for balancer {uid}"),
                    None => String::new(),
                },
                members(rule),
                rule.source
            ),
        );
    }
    text
}

fn members(rule: &Rule) -> String {
    match &rule.members {
        Members::Registered => "whoever is registered".to_owned(),
        Members::Listed(members) if members.len() == 1 => "1 member".to_owned(),
        Members::Listed(members) => format!("{} members", members.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gwm::config::{from_text, load};

    #[test]
    fn the_summary_of_a_gwm_names_its_sources_and_warns_if_there_are_none() {
        let path = Path::new("gwm.toml");
        let told = |text: &str| summary(path, &from_text(path, text.to_owned()).unwrap());
        let empty = told("");
        assert!(empty.starts_with("gwm.toml: good\n"), "{empty}");
        assert!(empty.contains("warning: no [[weights]]"), "{empty}");
        let text = told(
            r#"
            listen = "127.0.0.1:3861"
            status = "127.0.0.1:9100"
            [[weights]]
            group = "F"
            source = "probe"
            check = "tcp"
            [[weights]]
            group = "F"
            balancer = "edge-1"
            source = "file"
            path = "/run/weights"
            members = [ "10.0.0.1:80", "10.0.0.2:80" ]
            "#,
        );
        for line in [
            "listens on 127.0.0.1:3861, no TLS",
            "status page on 127.0.0.1:9100",
            "weights of group F, whoever is registered: probe tcp",
            "weights of group F for balancer edge-1, 2 members: file /run/weights",
        ] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
    }

    #[test]
    fn a_missing_file_is_refused_with_the_command_that_writes_one() {
        let directory = tempfile::tempdir().unwrap();
        let refused = load(&directory.path().join("gwm.toml"))
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("`sasp-ctl init --gwm` writes one"),
            "{refused}"
        );
        assert!(!refused.contains('\n'), "{refused}");
    }
}
