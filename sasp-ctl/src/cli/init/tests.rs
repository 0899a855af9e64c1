//! What is written, and that the GWM's example is good and true. That of the balancer is judged beside its config.

use super::*;
use crate::gwm::config::{Config, from_text};
use crate::gwm::sources::Rule;

fn parse(text: &str) -> Config {
    from_text(Path::new("gwm.toml"), text.to_owned()).unwrap_or_else(|error| panic!("{error}"))
}

/// The example with the marks before its keys taken away, without the lines that begin with one of `left_out`.
fn spelled_out(left_out: &[&str]) -> String {
    let kept = config::GWM_EXAMPLE
        .lines()
        .filter(|line| !left_out.iter().any(|start| line.starts_with(start)));
    kept.map(|line| match line.strip_prefix('#') {
        Some(key) if !key.starts_with(' ') => format!("{key}\n"),
        _ => format!("{line}\n"),
    })
    .collect()
}

#[test]
fn the_example_of_a_gwm_is_good_as_it_stands() {
    let config = parse(config::GWM_EXAMPLE);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(config.rules.len(), 1);
    let policy = Config::default().policy;
    assert_eq!(config.policy.admission, policy.admission);
    assert_eq!(config.policy.limits, policy.limits);
}

/// Keys that need another file or one another, or that say in the example that they are not defaults.
const NO_DEFAULT: &[&str] = &[
    "#status = \"127",
    "#state",
    "#tls",
    "#[[balancer]]",
    "#[[member]]",
    "#uid =",
    "#sources",
    "#certificate",
    "#addresses",
    "#balancer =",
    "#check",
    "#port = 8080",
    "#host",
    "#scheme",
    "#verify",
    "#bearer_token_file",
    "#username",
    "#password_file",
];

const HTTP_ONLY: &[&str] = &["#path = \"/\"", "#status = \"200"];

/// The rules with the keys alone that they cannot do without.
const SHORT: &str = r#"
[[weights]]
group = "FARM1"
source = "static"
members = { "10.0.0.1:80" = 40, "10.0.0.2:80" = 20 }
[[weights]]
group = "FARM1"
source = "probe"
[[weights]]
group = "FARM1"
source = "agent-check"
port = 9777
[[weights]]
group = "FARM1"
source = "prometheus"
url = "http://prometheus.example.net:9090"
query = "100 * avg by (instance) (rate(node_cpu_seconds_total{mode='idle'}[1m]))"
[[weights]]
group = "FARM1"
source = "file"
path = "farm1.weights"
"#;

#[test]
fn the_comments_of_the_gwms_example_state_the_defaults() {
    let left_out: Vec<_> = [NO_DEFAULT, HTTP_ONLY].concat();
    assert_eq!(parse(&spelled_out(&left_out)), parse(SHORT));
}

#[test]
fn the_comments_of_the_gwms_example_state_the_defaults_of_an_http_probe() {
    let probe = |text: &str| -> Rule { parse(text).rules.swap_remove(1) };
    let left_out: Vec<_> = NO_DEFAULT
        .iter()
        .copied()
        .filter(|key| *key != "#check")
        .collect();
    let short = SHORT.replace("\"probe\"", "\"probe\"\ncheck = \"http\"");
    assert_eq!(probe(&spelled_out(&left_out)), probe(&short));
}

/// Not those that name files, which are not there, and a rule's user beside its token.
#[test]
fn the_keys_of_the_gwms_example_that_are_no_defaults_are_good_too() {
    let left_out = ["#tls", "#certificate", "#bearer_token_file"];
    let config = parse(&spelled_out(&left_out));
    assert_eq!(config.rules.len(), 5);
    assert!(config.status.is_some() && config.state.is_some());
    assert!(!config.policy.member_rules.is_empty());
}

#[test]
fn init_writes_either_example_and_never_overwrites_one() {
    let directory = tempfile::tempdir().unwrap();
    for (gwm, text) in [(false, config::EXAMPLE), (true, config::GWM_EXAMPLE)] {
        let file = directory.path().join(format!("{gwm}.toml"));
        let args = Args {
            gwm,
            file: Some(file.clone()),
        };
        assert!(run(&args).is_ok());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        std::fs::write(&file, "mine").unwrap();
        let Err(Failure::Failed(line)) = run(&args) else {
            panic!("{file:?} was overwritten")
        };
        assert!(line.contains("is not overwritten"), "{line}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    }
}
