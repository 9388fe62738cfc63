//! Several Redis servers that belong together: a cluster, and a primary that sentinels watch over.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::guard::{Guard, until};
use crate::program::{User, find, free_port, missing, succeed};
use crate::{PASSWORD, Redis};

/// Waits until `ready` says so, for what takes several servers.
fn eventually(what: &str, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A Redis Cluster of three primaries, each with a replica. One that dies is noticed within a second or two.
pub struct RedisCluster {
    nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts one; `None` where Redis is not installed.
    ///
    /// # Panics
    /// It does not start.
    pub fn start() -> Option<Self> {
        let client = find(&["redis-cli"])?;
        let mut nodes = Vec::new();
        for _ in 0..6 {
            let bus = format!("cluster-port {}", free_port());
            nodes.push(Redis::start_with(&["cluster-enabled yes", "cluster-node-timeout 1000", &bus])?);
        }
        let mut create = Command::new(client);
        create.env("REDISCLI_AUTH", PASSWORD).env("LC_ALL", "C").args(["--cluster", "create"]);
        create.args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())));
        succeed(create.args(["--cluster-replicas", "1", "--cluster-yes"]));
        let cluster = Self { nodes };
        cluster.until_whole();
        Some(cluster)
    }

    /// Waits until every slot has a server and every replica follows its primary.
    ///
    /// # Panics
    /// That takes too long.
    pub fn until_whole(&self) {
        for node in &self.nodes {
            eventually("the cluster is not ready", || {
                node.command(0, &["CLUSTER", "INFO"]).contains("cluster_state:ok")
            });
            eventually("the replicas do not follow", || {
                let replication = node.command(0, &["INFO", "replication"]);
                replication.contains("role:master") || replication.contains("master_link_status:up")
            });
        }
    }

    /// The servers; which of them are primaries changes.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The same, to stop and to kill them.
    pub fn nodes_mut(&mut self) -> &mut [Redis] {
        &mut self.nodes
    }

    /// Which server has a key at the moment, by the word of another one.
    ///
    /// # Panics
    /// None has it, or the one that is asked does not answer.
    pub fn owner_of(&self, key: &str, asked: usize) -> usize {
        let slot: u16 = self.nodes[asked].command(0, &["CLUSTER", "KEYSLOT", key]).parse().expect("a slot");
        // "id 127.0.0.1:port@bus flags primary ping pong epoch state slots…"
        let nodes = self.nodes[asked].command(0, &["CLUSTER", "NODES"]);
        let has = |range: &str| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last)) if (first..=last).contains(&slot))
        };
        let port = nodes.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let is_primary = fields.get(2)?.contains("master") && !fields[2].contains("fail");
            (is_primary && fields.iter().skip(8).any(|range| has(range)))
                .then(|| fields[1].split(['@', ':']).nth(1)?.parse::<u16>().ok())?
        });
        let port = port.expect("a server with the slot");
        self.nodes.iter().position(|node| node.port() == port).expect("one of ours")
    }
}

/// A primary, a replica and three sentinels, which call it `mymaster` and let the replica take over within a few
/// seconds.
pub struct RedisSentinel {
    /// The first and the second server; the first is the primary at the start.
    pub servers: [Redis; 2],
    sentinels: Vec<Sentinel>,
}

struct Sentinel {
    port: u16,
    folder: PathBuf,
    _guard: Guard,
}

impl RedisSentinel {
    /// Starts them; `None` where Redis is not installed.
    ///
    /// # Panics
    /// They do not start.
    pub fn start() -> Option<Self> {
        let Some(server) = find(&["redis-server"]) else { return missing("Redis") };
        let primary = Redis::start()?;
        let replica = Redis::start_with(&[&format!("replicaof 127.0.0.1 {}", primary.port())])?;
        eventually("the replica does not follow", || {
            replica.command(0, &["INFO", "replication"]).contains("master_link_status:up")
        });
        let sentinels: Vec<Sentinel> = (0..3).map(|_| Sentinel::start(&server, primary.port())).collect();
        let group = Self { servers: [primary, replica], sentinels };
        for sentinel in &group.sentinels {
            eventually("the sentinels do not find each other", || {
                let told = sentinel.ask(&["SENTINEL", "MASTER", "mymaster"]);
                let lines: Vec<&str> = told.lines().collect();
                let value = |name| lines.iter().position(|line| *line == name).and_then(|at| lines.get(at + 1));
                value("num-slaves") == Some(&"1") && value("num-other-sentinels") == Some(&"2")
            });
        }
        Some(group)
    }

    /// Where the sentinels listen, which ask for the password.
    pub fn sentinels(&self) -> Vec<(String, u16)> {
        self.sentinels.iter().map(|sentinel| ("127.0.0.1".to_owned(), sentinel.port)).collect()
    }
}

impl Sentinel {
    fn start(server: &Path, primary: u16) -> Self {
        let user = User::of(&["redis"]);
        let folder = user.folder();
        let (file, port) = (folder.path().join("sentinel.conf"), free_port());
        let configuration = format!(
            "bind 127.0.0.1\nport {port}\ndir {}\nrequirepass \"{PASSWORD}\"\nsentinel sentinel-pass \"{PASSWORD}\"\n\
             sentinel monitor mymaster 127.0.0.1 {primary} 2\nsentinel auth-pass mymaster \"{PASSWORD}\"\n\
             sentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 3000\n",
            folder.path().display()
        );
        fs::write(&file, configuration).expect("the configuration");
        user.own(&file);
        let folder = folder.keep();
        let mut command = Command::new(server);
        command.arg(&file).arg("--sentinel");
        let guard = Guard::start(&command, &folder, user.run("sh"));
        until("Redis Sentinel", &folder, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { port, folder, _guard: guard }
    }
}

impl Sentinel {
    fn ask(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(find(&["redis-cli"]).expect("redis-cli"));
        command.args(["-p", &self.port.to_string()]).args(arguments).env("REDISCLI_AUTH", PASSWORD);
        succeed(&mut command)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
