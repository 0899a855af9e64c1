//! Time to encode and decode SASP messages.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};
use sasp_ctl::sasp::code::{Code, VERSION, weight_flags};
use sasp_ctl::sasp::codec::{decode, encode};
use sasp_ctl::sasp::msg::{
    Body, GetWeightsReply, Group, GroupOf, Member, MemberKey, Message, Name, WeightEntry,
};

use crate::report::{Report, best_ns};

pub(crate) fn run(report: &Report) -> Result<()> {
    measure(
        report,
        "registration reply",
        Body::RegistrationReply(Code::SUCCESS),
    )?;
    for members in [2, 100] {
        let reply = weights(members)?;
        measure(report, &format!("weights of {members} members"), reply)?;
    }
    Ok(())
}

fn measure(report: &Report, name: &str, body: Body) -> Result<()> {
    let message = Message {
        version: VERSION,
        id: 1,
        body,
    };
    let bytes = encode(&message)?;
    report.row(
        &format!("encode {name}"),
        best_ns(7, 20_000, || encode(&message)),
    );
    report.row(
        &format!("decode {name}"),
        best_ns(7, 20_000, || decode(&bytes)),
    );
    Ok(())
}

fn weights(members: u32) -> Result<Body> {
    let name = |text: &str| Name::new(text.as_bytes()).context("a name");
    let entry = |index: u32| -> Result<WeightEntry> {
        let address = Ipv4Addr::from(0x0a00_0000 + index).into();
        Ok(WeightEntry {
            member: Member {
                key: MemberKey {
                    protocol: 6,
                    port: 80,
                    address,
                },
                label: name("web")?,
            },
            state: 0,
            flags: weight_flags::CONTACT | weight_flags::CONFIDENT,
            weight: 40,
        })
    };
    let group = Group {
        lb_uid: name("edge-1")?,
        name: name("FARM1")?,
    };
    let items = (1..=members).map(entry).collect::<Result<_>>()?;
    Ok(Body::GetWeightsReply(GetWeightsReply {
        code: Code::SUCCESS,
        interval: 10,
        groups: vec![GroupOf { group, items }],
    }))
}
