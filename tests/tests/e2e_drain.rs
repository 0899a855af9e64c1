//! Taking a member out and waiting until nobody uses it any more.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::lab::balancer::{Balancer, done, sasp_ctl};
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::site::VIP4;
use tests::lab::steady::Steady;
use tests::lab::wait::until_true;

const GROUP: &str = "FARM1";
const DEADLINE: Duration = Duration::from_secs(20);
const VIP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(VIP4), 80);

/// A farm with a GWM; flows that are silent for two seconds are forgotten.
fn farm() -> (Farm, String) {
    let mut farm = Farm::new(2).unwrap();
    farm.start_gwm(&[farm.weights(GROUP, VIP, &[1, 1])])
        .unwrap();
    let config = config::gwm(&farm.site, "")
        + &config::service(&farm.site, GROUP, VIP, &[], "idle = \"2s\"");
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(VIP, &[1, 1]).unwrap();
    (farm, config)
}

fn first_member(farm: &Farm) -> String {
    farm.site.members[0].address_for(VIP).to_string()
}

/// Waits until the GWM knows that the balancer has, or has not, quiesced its first member.
fn await_told(farm: &Farm, uid: &str, quiesced: bool) {
    let gwm = farm.gwm.as_ref().unwrap();
    until_true(DEADLINE, "the GWM to be told", || {
        let member = gwm.member(&farm.site, uid, GROUP, &first_member(farm))?;
        Ok(member["quiesced_by"]["balancer"] == quiesced && member["sent"]["quiesced"] == quiesced)
    })
    .unwrap();
}

#[test]
fn waiting_takes_as_long_as_the_last_connection_lives() {
    let (farm, _) = farm();
    let steady = Steady::open(&farm.site.client.namespace, VIP, 16).unwrap();
    let before = steady.report();
    let flows = before.open["member-1"];
    let member = first_member(&farm);
    let mut waits = Wait::start(&farm, &["quiesce", GROUP, &member, "--wait"]);
    farm.await_spread(VIP, &[0, 1]).unwrap();
    await_told(&farm, "edge-1", true);
    // Those of the sample end and are forgotten; exactly the open ones stay.
    waits.until_line(&match flows {
        1 => "1 flow left".to_owned(),
        flows => format!("{flows} flows left"),
    });
    steady.more_answers().unwrap();
    assert!(waits.child.try_wait().unwrap().is_none(), "it still waits");
    let after = steady.close().unwrap();
    assert_eq!(after.open, before.open);
    assert!(after.broken.is_empty(), "{after:?}");
    let rest = waits.end();
    assert!(rest.ends_with("drained\n"), "{rest}");
    // Nothing is left: it ends at once.
    let again = done(&farm.site, &["quiesce", GROUP, &member, "--wait"]).unwrap();
    assert!(again.ends_with("drained\n"), "{again}");
    let resumed = done(&farm.site, &["resume", GROUP, &member, "--wait"]).unwrap();
    assert!(resumed.ends_with("active\n"), "{resumed}");
    await_told(&farm, "edge-1", false);
    farm.await_spread(VIP, &[1, 1]).unwrap();
}

#[test]
fn when_time_is_over_one_line_says_what_is_left_and_the_member_stays_quiesced() {
    let (farm, _) = farm();
    let steady = Steady::open(&farm.site.client.namespace, VIP, 16).unwrap();
    let member = first_member(&farm);
    let command = ["quiesce", GROUP, &member, "--wait", "--timeout", "300ms"];
    let output = sasp_ctl(&farm.site, &command).unwrap();
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    let parts = [
        member.as_str(),
        "is not drained in time",
        "left",
        "it stays quiesced",
    ];
    assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    farm.await_spread(VIP, &[0, 1]).unwrap();
    let report = steady.close().unwrap();
    assert!(report.broken.is_empty(), "{report:?}");
}

#[test]
fn a_quiesced_member_stays_so_over_a_restart_and_only_for_this_balancer() {
    let (mut farm, config) = farm();
    // Another one at the same GWM, with the same group; nobody sends it packets.
    let theirs = config.replace("edge-1", "edge-2");
    let mut command = farm.site.sasp_ctl(&farm.site.gwm).unwrap();
    let other = ["--instance", "other"];
    let _other = Balancer::attach_by(&farm.site, &mut command, &theirs, &other).unwrap();
    let owned = || -> anyhow::Result<Vec<Value>> {
        let text = done(&farm.site, &["status", "--json", "--instance", "other"])?;
        let status: Value = serde_json::from_str(&text)?;
        let service = &status["services"][0];
        let members = service["members"].as_array().unwrap().iter();
        let slots = members.map(|member| member["slots"].clone()).collect();
        Ok(if service["weights"] == "gwm" {
            slots
        } else {
            Vec::new()
        })
    };
    until_true(DEADLINE, "the other balancer's shares", || {
        Ok(owned()? == [32_768, 32_768])
    })
    .unwrap();
    let mine = ["--instance", "eth0"];
    let member = first_member(&farm);
    let quiesce = [&["quiesce", GROUP, &member][..], &mine].concat();
    done(&farm.site, &quiesce).unwrap();
    farm.await_spread(VIP, &[0, 1]).unwrap();
    await_told(&farm, "edge-1", true);
    await_told(&farm, "edge-2", false);

    farm.balancer.take().unwrap().kill().unwrap();
    farm.check_spread(VIP, &[0, 1]).unwrap();
    let balancer = Balancer::attach(&farm.site, &config, &[]).unwrap();
    farm.check_spread(VIP, &[0, 1]).unwrap();
    await_told(&farm, "edge-1", true);
    farm.await_state(VIP, 0, "draining").unwrap();
    assert_eq!(owned().unwrap(), [32_768, 32_768]);
    balancer.stop().unwrap();
}

/// `sasp-ctl … --wait` under way; ended with the test.
struct Wait {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Wait {
    fn start(farm: &Farm, args: &[&str]) -> Self {
        let mut command = farm.site.sasp_ctl(&farm.site.edge).unwrap();
        let mut child = command.args(args).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Waits for a line that begins with this text; fails if it ends first.
    fn until_line(&mut self, text: &str) {
        let mut seen = String::new();
        while !seen
            .lines()
            .last()
            .is_some_and(|line| line.starts_with(text))
        {
            let length = self.lines.read_line(&mut seen).unwrap();
            assert_ne!(length, 0, "no line with {text:?}:\n{seen}");
        }
    }

    /// Waits for its end, which must be a good one; the rest of what it says.
    fn end(&mut self) -> String {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
        rest
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _already_ended = self.child.kill();
        self.child.wait().unwrap();
    }
}
