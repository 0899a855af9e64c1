//! The box, and what runs on it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use aya::programs::{Xdp, xdp::XdpMode};
use aya::{Ebpf, EbpfLoader};
use sasp_ctl::datapath;
use tests::lab::balancer::{self, Balancer};
use tests::lab::config;
use tests::lab::namespace::{Namespace, sysctl};
use tests::lab::process::Process;
use tests::object;

use super::contenders::Kind;

/// Where nginx has its stream module, unless it is built in.
const STREAM_MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

/// A host with one interface, `eth0`, that owns a VIP.
pub(super) struct Edge<'a> {
    pub(super) namespace: &'a Namespace,
    /// For its files.
    pub(super) directory: &'a Path,
    /// `tcp` or `udp`.
    pub(super) protocol: &'static str,
    pub(super) vip: SocketAddr,
    /// Its own address towards the members.
    pub(super) address: Ipv4Addr,
    pub(super) members: &'a [Ipv4Addr],
}

/// What has been started, until dropped.
pub(super) enum Running {
    /// Kernel state, which goes with the namespace.
    Nothing,
    Bare {
        _object: Ebpf,
    },
    SaspCtl {
        _daemon: Balancer,
    },
    Proxy(Process),
}

impl Edge<'_> {
    /// Starts a contender; `sasp_ctl` is the command that does nothing yet.
    pub(super) fn start(&self, kind: Kind, sasp_ctl: Command) -> Result<Running> {
        if kind.routes() {
            self.namespace.inside(become_router)??;
        }
        match kind {
            Kind::Direct => Ok(Running::Nothing),
            Kind::Bare => self.bare(),
            Kind::SaspCtl { mode, forward } => self.sasp_ctl(sasp_ctl, mode, forward),
            Kind::Nftables => self.nftables(),
            Kind::Haproxy => self.proxy("haproxy", &self.haproxy_config(), &["-db", "-f"]),
            Kind::NginxStream => {
                let prefix = self.directory.to_str().context("a path that is no text")?;
                let args = ["-p", prefix, "-e", "error.log", "-c"];
                self.proxy("nginx", &self.nginx_config(), &args)
            }
        }
    }

    fn bare(&self) -> Result<Running> {
        let mut object = EbpfLoader::new().load(&object::read("sasp-xdp-bench")?)?;
        attach(&mut object, "reference", self.namespace)?;
        Ok(Running::Bare { _object: object })
    }

    fn sasp_ctl(&self, mut command: Command, mode: &str, forward: &str) -> Result<Running> {
        let members: Vec<_> = self
            .members
            .iter()
            .map(|member| format!("{{ address = \"{member}:{}\" }}", self.vip.port()))
            .collect();
        let forward = format!("forward = \"{forward}\"");
        let mut config = String::new();
        if forward.contains("full-nat") {
            config += &format!(
                "[balancer]\nfull_nat = {{ addresses = [\"{}\"] }}\n",
                self.address
            );
        }
        config += &config::service_of(
            "PEERS",
            self.vip,
            self.protocol,
            &members.join(", "),
            &forward,
        );
        fs::write(self.directory.join(balancer::CONFIG), config)?;
        let daemon = Balancer::attach_in(self.directory, &mut command, &["--mode", mode])?;
        Ok(Running::SaspCtl { _daemon: daemon })
    }

    fn nftables(&self) -> Result<Running> {
        let path = self.directory.join("rules.nft");
        fs::write(&path, self.nftables_rules())?;
        let path = path.to_str().context("a path that is no text")?;
        self.namespace.output("nft", &["-f", path])?;
        Ok(Running::Nothing)
    }

    fn nftables_rules(&self) -> String {
        let targets: Vec<_> = (self.members.iter().enumerate())
            .map(|(count, member)| format!("{count} : {member}"))
            .collect();
        let (protocol, ip, port) = (self.protocol, self.vip.ip(), self.vip.port());
        format!(
            "table ip peers {{\n  chain prerouting {{\n    \
                 type nat hook prerouting priority dstnat;\n    \
                 ip daddr {ip} {protocol} dport {port} \
                 dnat to jhash ip saddr . {protocol} sport mod {} map {{ {} }}\n  }}\n}}\n",
            targets.len(),
            targets.join(", ")
        )
    }

    /// One thread: the box has one core. Limits as the file descriptors of a usual shell allow.
    fn haproxy_config(&self) -> String {
        let servers: String = (self.members.iter().enumerate())
            .map(|(count, member)| format!("  server m{count} {member}:{}\n", self.vip.port()))
            .collect();
        format!(
            "global\n  maxconn 4000\n  nbthread 1\n\
             defaults\n  mode tcp\n  maxconn 4000\n  \
             timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n\
             frontend vip\n  bind {}\n  default_backend members\n\
             backend members\n  balance roundrobin\n{servers}",
            self.vip
        )
    }

    fn nginx_config(&self) -> String {
        let servers: String = (self.members.iter())
            .map(|member| format!("server {member}:{}; ", self.vip.port()))
            .collect();
        let module = match Path::new(STREAM_MODULE).exists() {
            true => format!("load_module {STREAM_MODULE};\n"),
            false => String::new(),
        };
        format!(
            "{module}daemon off;\nuser root;\nworker_processes 1;\npid stream.pid;\n\
             events {{ worker_connections 8192; }}\n\
             stream {{\n  upstream members {{ {servers}}}\n  \
             server {{ listen {} backlog=4096; proxy_pass members; }}\n}}\n",
            self.vip
        )
    }

    fn proxy(&self, program: &str, config: &str, args: &[&str]) -> Result<Running> {
        let path = self.directory.join(format!("{program}-proxy.conf"));
        fs::write(&path, config)?;
        let mut command = self.namespace.command(program)?;
        command.args(args).arg(path);
        let log = self.directory.join(format!("{program}-proxy.log"));
        Ok(Running::Proxy(Process::start(program, &mut command, &log)?))
    }
}

impl Running {
    /// An error if it is a process that has ended; with what it said.
    pub(super) fn check(&mut self) -> Result<()> {
        if let Self::Proxy(process) = self
            && let Some(status) = process.ended()?
        {
            bail!(
                "ended with {status}: {}",
                process.log().trim().replace('\n', "; ")
            );
        }
        Ok(())
    }
}

fn become_router() -> Result<()> {
    sysctl("net/ipv4/ip_forward", "1")?;
    // Members are on the segment that the packets come from, which is no reason to tell clients of them.
    sysctl("net/ipv4/conf/all/send_redirects", "0")?;
    sysctl("net/ipv4/conf/eth0/send_redirects", "0")
}

/// Attaches a program to `eth0` of a namespace in native mode, until the object is dropped.
pub(super) fn attach(object: &mut Ebpf, program: &str, namespace: &Namespace) -> Result<()> {
    let program: &mut Xdp = object
        .program_mut(program)
        .with_context(|| format!("no program {program}"))?
        .try_into()?;
    datapath::load(program)?;
    namespace.inside(|| program.attach("eth0", XdpMode::Driver))??;
    Ok(())
}
