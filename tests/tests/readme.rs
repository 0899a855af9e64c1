//! The README against the program: keys against what both configurations read and against the examples of
//! `sasp-ctl init`, defaults against these examples, commands and flags against `--help`, reasons against what is counted,
//! kernels against those that are tested.
//!
//! Keys are written as paths: `gwm.tls.ca`, or `weights(probe).port` where a key belongs to a source of weights.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use sasp_ctl::config::{EXAMPLE, GWM_EXAMPLE};
use sasp_xdp_common::abi::counters::{Class, Reason};
use tests::lab::site::program;

const README: &str = include_str!("../../README.md");
const BALANCER_RAW: &str = include_str!("../../sasp-ctl/src/config/raw.rs");
const GWM_RAW: &str = concat!(
    include_str!("../../sasp-ctl/src/gwm/config/raw.rs"),
    include_str!("../../sasp-ctl/src/gwm/config/raw/weights.rs")
);
const KERNELS: &str = include_str!("../../xtask/src/kernels/series.rs");
const FEATURES: &str = include_str!("../../xtask/src/kernels/features.rs");
const PREFLIGHT: &str = include_str!("../../sasp-ctl/src/datapath/preflight.rs");
const BALANCER_REFERENCE: &str = "### The balancer's /etc/sasp-ctl.toml";
const GWM_REFERENCE: &str = "### The GWM's gwm.toml";

/// Keys and, where one is told as it would be typed, their values.
type Keys = BTreeMap<String, Option<String>>;

/// The section under a heading, up to the next one of any level.
fn section(heading: &str) -> &'static str {
    let (_, rest) = README
        .split_once(&format!("{heading}\n"))
        .unwrap_or_else(|| panic!("the README has no {heading:?}"));
    rest.split("\n#").next().unwrap_or(rest)
}

/// What stands in backquotes.
fn code_spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Where in a file a key is.
#[derive(Clone, Default)]
struct Place {
    section: String,
    source: Option<String>,
}

impl Place {
    /// `[gwm]` or `[[gwm]]`.
    fn enter(&mut self, header: &str) {
        self.section = header.trim_matches(['[', ']']).to_owned();
        self.source = None;
    }

    fn path(&self, key: &str) -> String {
        match (self.section.as_str(), &self.source) {
            ("", _) => key.to_owned(),
            (section, Some(source)) if !COMMON.contains(&key) => {
                format!("{section}({source}).{key}")
            }
            (section, _) => format!("{section}.{key}"),
        }
    }
}

/// Keys of every rule, whatever its source.
const COMMON: [&str; 4] = ["group", "source", "members", "balancer"];

/// The keys in the tables of a part of the README.
fn documented(heading: &str) -> Keys {
    let mut place = Place::default();
    let mut keys = Keys::new();
    for row in section(heading).lines() {
        let row = row.replace("\\|", "/");
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let ["", first, default, _, ""] = cells[..] else {
            continue;
        };
        let named = code_spans(first);
        let defaults = code_spans(default);
        for (at, key) in named.iter().enumerate() {
            if let Some(source) = key.strip_prefix("source = ") {
                place.enter("[[weights]]");
                place.source = Some(source.trim_matches('"').to_owned());
                continue;
            }
            let key = match key.split_once(' ') {
                Some((header, key)) => {
                    place.enter(header);
                    key
                }
                None => key,
            };
            // Words around a default say that it is not what one would type.
            let plain = default.replace([',', ' ', '`'], "").len()
                == defaults.concat().replace([',', ' '], "").len();
            let value = (plain && named.len() == defaults.len()).then(|| defaults[at].to_owned());
            let path = place.path(key);
            assert!(
                keys.insert(path.clone(), value).is_none(),
                "{path} stands twice in the README"
            );
        }
    }
    keys
}

/// The keys of an example, those commented out too.
fn shown(example: &str) -> Keys {
    let mut place = Place::default();
    let mut keys = Keys::new();
    for line in example.lines() {
        let line = match line.strip_prefix('#') {
            Some(comment) if comment.starts_with(' ') => continue,
            Some(key) => key,
            None => line,
        };
        if line.starts_with('[') {
            place.enter(line);
        } else if let Some(row) = line.strip_prefix("    { ") {
            let row = row.trim_end_matches(',').trim_end_matches('}');
            inline(&place, "members", row, &mut keys);
        } else if let Some((key, value)) = line.split_once(" = ") {
            if key == "source" && place.section == "weights" {
                place.source = Some(value.trim_matches('"').to_owned());
            }
            match value.trim_start_matches("[ ").strip_prefix("{ ") {
                Some(table) if !table.starts_with('"') => {
                    let table = table.trim_end_matches([' ', ']', '}']);
                    inline(&place, key, table, &mut keys);
                }
                _ if value != "[" => {
                    keys.insert(place.path(key), Some(value.to_owned()));
                }
                _ => {}
            }
        }
    }
    keys
}

/// `a = 1, b = 2`.
fn inline(place: &Place, name: &str, table: &str, keys: &mut Keys) {
    for pair in table.split(", ") {
        let (key, value) = pair.split_once(" = ").expect("a key and its value");
        let path = place.path(&format!("{name}.{key}"));
        keys.insert(path, Some(value.trim().to_owned()));
    }
}

/// The keys that `RawConfig` and what it holds deserialize.
fn read(source: &str) -> BTreeSet<String> {
    let structs: BTreeMap<_, _> = source
        .split("pub(")
        .filter_map(|part| part.split_once(" struct "))
        .map(|(_, rest)| rest.split([' ', '{']).next().unwrap_or(rest))
        .map(|name| (name, fields(source, name)))
        .collect();
    let mut keys = BTreeSet::new();
    collect("RawConfig", "", &structs, &mut keys);
    keys
}

type Structs<'a> = BTreeMap<&'a str, Vec<(String, String)>>;

fn collect(name: &str, prefix: &str, structs: &Structs<'_>, keys: &mut BTreeSet<String>) {
    for (field, kind) in &structs[name] {
        let path = format!("{prefix}{field}");
        match structs
            .keys()
            .find(|inner| kind.contains(&format!("<{inner}>")))
        {
            Some(inner) => collect(inner, &format!("{path}."), structs, keys),
            None => {
                keys.insert(path);
            }
        }
    }
}

/// The fields of a struct, as they are called in a file, and their types.
fn fields(source: &str, name: &str) -> Vec<(String, String)> {
    let (_, body) = source
        .split_once(&format!("struct {name} {{"))
        .unwrap_or_else(|| panic!("no struct {name}"));
    let body = body.split("\n}").next().unwrap_or(body);
    let mut renamed = None;
    let mut fields = Vec::new();
    for line in body.lines().map(str::trim) {
        if let Some((_, new)) = line.split_once("rename = ") {
            renamed = new.split('"').nth(1).map(str::to_owned);
        } else if let Some((_, field)) = line.strip_prefix("pub(").and_then(|l| l.split_once(") "))
        {
            let (field, kind) = field.split_once(": ").expect("a field and its type");
            let field = renamed.take().unwrap_or_else(|| field.to_owned());
            fields.push((field, kind.to_owned()));
        }
    }
    fields
}

/// The same keys without their sources.
fn without_sources(keys: &Keys) -> BTreeSet<String> {
    keys.keys()
        .map(|key| match key.split_once(['(', ')']) {
            Some((section, rest)) => {
                format!(
                    "{section}{}",
                    rest.split_once(')').map_or(rest, |(_, key)| key)
                )
            }
            None => key.clone(),
        })
        .collect()
}

fn same(what: &str, left: &BTreeSet<String>, right: &BTreeSet<String>) {
    let only_left: Vec<_> = left.difference(right).collect();
    let only_right: Vec<_> = right.difference(left).collect();
    assert!(
        only_left.is_empty() && only_right.is_empty(),
        "{what}: the first alone has {only_left:?}, the second alone {only_right:?}"
    );
}

const FILES: [(&str, &str, &str); 2] = [
    (BALANCER_REFERENCE, EXAMPLE, BALANCER_RAW),
    (GWM_REFERENCE, GWM_EXAMPLE, GWM_RAW),
];

#[test]
fn the_reference_and_the_examples_have_every_key_that_is_read_and_no_other() {
    for (heading, example, raw) in FILES {
        let read = read(raw);
        assert!(read.len() > 30, "{read:?}");
        same(heading, &without_sources(&documented(heading)), &read);
        same(
            "example and program",
            &without_sources(&shown(example)),
            &read,
        );
    }
}

#[test]
fn every_source_of_weights_has_the_same_keys_in_the_reference_as_in_the_example() {
    let of_sources = |keys: Keys| -> BTreeSet<String> {
        keys.into_keys().filter(|key| key.contains('(')).collect()
    };
    let shown = of_sources(shown(GWM_EXAMPLE));
    assert!(shown.len() > 25, "{shown:?}");
    same("sources", &of_sources(documented(GWM_REFERENCE)), &shown);
}

/// What the example shows because it is no default, and what has another meaning there.
const NO_DEFAULT: [&str; 2] = ["weights(probe).check", "weights(probe).scheme"];

#[test]
fn the_reference_tells_the_defaults_of_the_examples() {
    let mut compared = 0;
    for (heading, example, _) in FILES {
        let shown = shown(example);
        for (key, told) in documented(heading) {
            let (Some(told), Some(Some(shown))) = (told, shown.get(&key)) else {
                continue;
            };
            if NO_DEFAULT.contains(&key.as_str()) {
                continue;
            }
            assert_eq!(told, *shown, "{key}");
            compared += 1;
        }
    }
    assert!(compared > 50, "only {compared} defaults were found");
}

fn help(command: &[&str]) -> String {
    let output = Command::new(program("sasp-ctl").unwrap())
        .args(command)
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that a help text lists.
fn commands(help: &str) -> BTreeSet<String> {
    let listed = help
        .split_once("Commands:\n")
        .map_or("", |(_, commands)| commands);
    listed
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .map(str::to_owned)
        .collect()
}

/// The command lines of `sasp-ctl` in the README, in code spans and blocks.
fn command_lines() -> Vec<String> {
    let joined = README.replace("\\\n", " ");
    let mut lines = Vec::new();
    for (at, part) in joined.split("```").enumerate() {
        let (code, is_block) = match at % 2 {
            0 => (code_spans(part).join("\n"), false),
            _ => (part.to_owned(), true),
        };
        for line in code.lines() {
            let line = line.split('#').next().unwrap_or(line);
            for piece in line
                .split(['|', ';', '&', '='])
                .filter(|_| is_block)
                .chain([line])
            {
                let Some((before, rest)) = piece.split_once("sasp-ctl ") else {
                    continue;
                };
                // Neither a path nor a name that ends alike.
                if (before.is_empty() || before.ends_with([' ', '/'])) && !rest.starts_with('/') {
                    let rest = rest.split(" | ").next().unwrap_or(rest);
                    lines.push(rest.trim().to_owned());
                }
            }
        }
    }
    lines
}

#[test]
fn every_reason_that_is_counted_is_explained_and_stands_under_its_class() {
    let text = section("### What is counted");
    let mut told = BTreeMap::new();
    for line in text.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let (names, class) = match cells[..] {
            ["", reasons, class, _, _, ""] => (reasons, class.to_owned()),
            _ => match line
                .strip_prefix("* ")
                .and_then(|line| line.split_once(": "))
            {
                Some((title, reasons)) if title.starts_with("Passed") => (reasons, "pass".into()),
                Some((_, reasons)) => (reasons, "note".into()),
                None => continue,
            },
        };
        for name in code_spans(names) {
            let earlier = told.insert(name.to_owned(), class.clone());
            assert_eq!(earlier, None, "{name} stands twice");
        }
    }
    let counted = Reason::ALL.iter().map(|reason| {
        let class = match reason.class() {
            Class::Pass => "pass",
            Class::Drop => "drop",
            Class::Note => "note",
        };
        (reason.name().to_owned(), class.to_owned())
    });
    assert_eq!(told, counted.collect());
}

/// Commands that have commands.
const PARENTS: [&str; 2] = ["gwm", "member"];

#[test]
fn every_command_stands_in_the_readme() {
    let lines = command_lines();
    for parent in [None, Some(PARENTS[0]), Some(PARENTS[1])] {
        let asked: Vec<_> = parent.into_iter().collect();
        let commands = commands(&help(&asked));
        assert!(commands.len() >= 4, "{commands:?}");
        for command in commands {
            let words = [asked.as_slice(), &[&command]].concat().join(" ");
            let is_told = |line: &String| *line == words || line.starts_with(&format!("{words} "));
            // Those that share a sentence with the first: `member register`, `deregister`.
            let shares = parent.is_some() && code_spans(README).contains(&command.as_str());
            assert!(shares || lines.iter().any(is_told), "{words} is missing");
        }
    }
}

#[test]
fn every_command_and_flag_of_the_readme_exists() {
    let known = commands(&help(&[]));
    let mut helps: BTreeMap<Vec<&str>, String> = BTreeMap::new();
    let lines = command_lines();
    assert!(lines.len() > 30, "{lines:?}");
    for line in &lines {
        let words: Vec<_> = line.split_whitespace().collect();
        let first = words[0].trim_end_matches([':', '`', ')']);
        if first.starts_with('-') {
            continue;
        }
        assert!(known.contains(first), "sasp-ctl {line}: no such command");
        let second = words.get(1).filter(|word| {
            PARENTS.contains(&first) && word.chars().all(|letter| letter.is_ascii_lowercase())
        });
        let command: Vec<_> = [first].into_iter().chain(second.copied()).collect();
        let help = helps
            .entry(command.clone())
            .or_insert_with(|| self::help(&command));
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            let name = flag.split('=').next().unwrap_or(flag);
            let is_listed = help
                .split_whitespace()
                .any(|word| word.trim_end_matches([',', '.']) == name);
            assert!(is_listed, "sasp-ctl {line}: no {name}");
        }
    }
}

/// The strings that a source gives a field or constant of this name.
fn strings(source: &'static str, name: &str) -> Vec<&'static str> {
    let values = source.split(name).skip(1);
    values
        .filter_map(|rest| rest.strip_prefix('"')?.split('"').next())
        .collect()
}

#[test]
fn the_kernels_of_the_readme_are_those_that_are_tested_and_the_oldest_is_the_oldest_accepted() {
    let text = section("## Kernels");
    let series = strings(KERNELS, "version: ");
    let (oldest, newer) = series.split_first().unwrap();
    let (last, between) = newer.split_last().unwrap();
    let list = format!("newest {oldest}, {} and {last} ", between.join(", "));
    assert!(text.contains(&list), "the README lacks {list:?}");
    let claim = format!("Linux {oldest} is the oldest that works");
    assert!(text.contains(&claim), "the README lacks {claim:?}");
    assert_eq!(strings(PREFLIGHT, "KERNEL_TEXT: &str = "), [*oldest]);
    let rows = text.lines().skip_while(|line| !line.starts_with("|---"));
    let rows: BTreeSet<_> = rows
        .skip(2)
        .filter(|row| !row.is_empty())
        .map(str::to_owned)
        .collect();
    let names = strings(FEATURES, "name: ");
    let wanted = strings(FEATURES, "since: ").into_iter().zip(names);
    let wanted: BTreeSet<_> = wanted
        .map(|(since, name)| format!("| {since} | {name} |"))
        .collect();
    assert_eq!(rows, wanted);
}
