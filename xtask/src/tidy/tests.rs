//! Every rule, on text that breaks it and on text that only looks as if.

use super::*;

const DOC: &str = "//! What it is.\n";

/// The broken rules as `line: rule`.
fn broken(name: &str, text: &str) -> Vec<String> {
    check(name, text)
        .iter()
        .map(|it| format!("{}: {}", it.line, it.rule))
        .collect()
}

#[track_caller]
fn assert_breaks(name: &str, text: &str, line: usize, part: &str) {
    let found = check(name, text);
    assert!(
        found.len() == 1 && found[0].line == line && found[0].rule.contains(part),
        "wanted one at line {line} about {part:?}, got {found:#?}"
    );
}

#[track_caller]
fn assert_tidy(name: &str, text: &str) {
    assert_eq!(broken(name, text), Vec::<String>::new());
}

fn lines(count: usize) -> String {
    "    let _x = 1;\n".repeat(count)
}

#[test]
fn a_file_may_have_600_lines_and_no_more() {
    let text = |lines: usize| DOC.to_owned() + &"\n".repeat(lines - 1);
    assert_tidy("xtask/src/a.rs", &text(600));
    assert_breaks("xtask/src/a.rs", &text(601), 601, "601 lines");
    assert_breaks("tests/tests/a.rs", &text(601), 601, "601 lines");
}

#[test]
fn a_function_may_have_70_lines_and_no_more() {
    let text = |lines_inside| format!("{DOC}fn f(a: [u8; 3]) {{\n{}}}\n", lines(lines_inside));
    assert_tidy("xtask/src/a.rs", &text(68));
    assert_breaks("xtask/src/a.rs", &text(69), 2, "71 lines");
}

#[test]
fn braces_in_strings_and_comments_do_not_stretch_a_function() {
    let tail = lines(80);
    let text = format!(
        "{DOC}fn f() {{\n    let _ = \"{{\"; // {{\n    let _ = '{{';\n    let _ = r#\"{{\"{{\"#;\n}}\n\
         const X: [fn(); 0] = [];\nmod m {{\n{tail}}}\n"
    );
    assert_tidy("xtask/src/a.rs", &text);
}

#[test]
fn test_functions_may_be_long() {
    let long = format!("fn f() {{\n{}}}\n", lines(80));
    assert_tidy("sasp-ctl/src/a/tests.rs", &format!("{DOC}{long}"));
    assert_tidy(
        "xtask/src/a.rs",
        &format!("{DOC}#[cfg(test)]\nmod tests {{\n{long}}}\n"),
    );
    let declared = format!("{DOC}#[cfg(test)]\nmod tests;\n{long}");
    assert_breaks("xtask/src/a.rs", &declared, 4, "82 lines");
}

#[test]
fn a_module_begins_with_its_documentation() {
    assert_breaks("xtask/src/a.rs", "use std::fs;\n", 1, "//!");
    assert_breaks("tests/tests/a.rs", "use std::fs;\n", 1, "//!");
    assert_tidy("sasp-xdp/src/main.rs", "#![no_std]\n\n//! What it is.\n");
    assert_tidy("sasp-ctl/src/a/tests.rs", "use super::*;\n");
}

#[test]
fn forbidden_words_are_found_in_code_only() {
    assert_breaks(
        "xtask/src/a.rs",
        &format!("{DOC}\n#[allow(dead_code)]\nfn f() {{}}\n"),
        3,
        "expect",
    );
    assert_breaks(
        "xtask/src/a.rs",
        // In two pieces, or this file would break the rule for whoever searches by text.
        &format!("{DOC}fn f() {{\n    {}!()\n}}\n", "todo"),
        3,
        "todo!",
    );
    assert_breaks(
        "xtask/src/a.rs",
        &format!("{DOC}const X: u8 = dbg!(1);\n"),
        2,
        "dbg!",
    );
    assert_tidy(
        "xtask/src/a.rs",
        &format!("{DOC}// todo!\nconst X: &str = \"dbg!\\\" #[allow(\";\n"),
    );
}

#[test]
fn white_space_at_the_end_of_a_line_is_found() {
    assert_breaks("tests/a.md", "fine\nnot fine \n", 2, "white space");
    assert_breaks("tests/a.toml", "a = 1\t\n", 1, "white space");
}

#[test]
fn paths_of_one_machine_are_found() {
    let home = ["", "home", "me", "x"].join("/");
    assert_breaks("tests/a.md", &format!("see {home}\n"), 1, "one machine");
    assert_breaks(
        "tests/a.toml",
        &format!("path = \"{home}\"\n"),
        1,
        "one machine",
    );
    assert_tidy(
        "tests/a.md",
        &format!("see https://example.net{home} and ~{home}\n"),
    );
}

#[test]
fn sasp_and_balance_are_pure() {
    let code = |line: &str| format!("{DOC}{line}\n");
    for name in [
        "sasp-ctl/src/sasp/wire.rs",
        "sasp-ctl/src/balance/table.rs",
        "sasp-ctl/src/sasp.rs",
    ] {
        for line in [
            "use tokio::net;",
            "use std::net::{IpAddr, TcpStream};",
            "fn f() -> Instant { Instant::now() }",
            "use crate::datapath::Maps;",
            "use crate::{config::Group, session::{a, b}};",
        ] {
            assert_breaks(name, &code(line), 2, "pure");
        }
        assert_tidy(
            name,
            &code("use std::{net::IpAddr, time::Instant}; // no tokio"),
        );
        assert_tidy(
            name,
            &code("use crate::{config::{daemon, Group}, sasp::session};"),
        );
    }
    assert_tidy(
        "sasp-ctl/src/session/tcp.rs",
        &code("use tokio::net::TcpStream;"),
    );
    assert_tidy(
        "sasp-ctl/src/sasp/tests.rs",
        &code("fn f() { Instant::now(); }"),
    );
}

#[test]
fn only_datapath_knows_aya_and_netlink() {
    let text = format!("{DOC}use aya::Ebpf;\n");
    assert_breaks("sasp-ctl/src/daemon/run.rs", &text, 2, "datapath");
    assert_breaks(
        "sasp-ctl/src/main.rs",
        &text.replace("aya", "rtnetlink"),
        2,
        "datapath",
    );
    assert_tidy("sasp-ctl/src/datapath/load.rs", &text);
    assert_tidy("tests/tests/load.rs", &text);
}

#[test]
fn manifests_keep_to_the_arrows() {
    let manifest =
        |section: &str, name: &str| format!("[package]\nname = \"x\"\n\n{section}\n{name}\n");
    for section in [
        "[dependencies]",
        "[build-dependencies]",
        "[target.'cfg(unix)'.dependencies]",
    ] {
        let text = manifest(section, "sasp-xdp-common.workspace = true");
        assert_breaks("xtask/Cargo.toml", &text, 5, "nothing of ours");
        assert_tidy("sasp-xdp/Cargo.toml", &text);
    }
    let text = manifest("[dependencies]", "tokio = \"1\"");
    assert_breaks("sasp-xdp/Cargo.toml", &text, 5, "tokio");
    let text = manifest("[dependencies.sasp-ctl]", "path = \"../sasp-ctl\"");
    assert_breaks("sasp-xdp-common/Cargo.toml", &text, 4, "sasp-ctl");
    assert_tidy("sasp-ctl/Cargo.toml", &text);
}

#[test]
fn the_top_level_holds_exactly_the_known_entries() {
    let mut names: Vec<_> = layout::ENTRIES
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    names.extend([".ci".to_owned(), "target".to_owned()]);
    assert_eq!(layout::check(&names), []);
    names.push("scratch.txt".to_owned());
    names.retain(|name| name != "README.md");
    let found: Vec<_> = layout::check(&names)
        .into_iter()
        .map(|it| it.file)
        .collect();
    assert_eq!(found, ["scratch.txt", "README.md"]);
}

#[test]
fn masking_keeps_lines_and_code() {
    let text = "let a = \"x\\\"y\n\"; /* b /* c */ d */ let e: &'a str = 'f'; r#fn; b\"g\"";
    let masked = code::mask(text);
    assert_eq!(masked.lines().count(), text.lines().count());
    for gone in ['x', 'y', 'c', 'd', 'f', 'g'].map(|char| format!("{char}")) {
        let left = code::words(&masked, &gone).count();
        assert_eq!(left, 0, "{gone} in {masked}");
    }
    for kept in ["let a", "let e", "&'a str", "r#fn"] {
        assert!(masked.contains(kept), "{kept} in {masked}");
    }
}
