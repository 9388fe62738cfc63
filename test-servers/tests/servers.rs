//! The servers start, answer, come back and go.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use test_servers::{MariaDb, Memcached, PgBouncer, PostgreSql, Proxy, Redis};

/// Set for the copy of this program that is killed.
const HOLDER: &str = "CLOAKROOM_TEST_HOLDS_SERVERS";

#[test]
fn postgresql_starts_answers_and_comes_back() {
    let Some(mut server) = PostgreSql::start() else { return };
    let database = server.new_database();
    server.psql(&database.name, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (3)");
    for end in [PostgreSql::stop, PostgreSql::kill] {
        end(&mut server);
        assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
        server.restart();
        assert_eq!(server.psql(&database.name, "SELECT n FROM kept"), "3");
    }
    let folder = server.folder().to_owned();
    assert!(folder.exists());
    drop(server);
    assert!(!folder.exists());
}

#[test]
fn mariadb_starts_answers_and_comes_back() {
    let Some(mut server) = MariaDb::start() else { return };
    let database = server.new_database();
    server.query(&database.name, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (3)");
    for end in [MariaDb::stop, MariaDb::kill] {
        end(&mut server);
        assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
        server.restart();
        assert_eq!(server.query(&database.name, "SELECT n FROM kept"), "3");
    }
}

#[test]
fn memcached_starts_answers_and_comes_back_empty() {
    for start in [Memcached::start, Memcached::start_on_socket, Memcached::start_on_ipv6] {
        let Some(mut server) = start() else { continue };
        for end in [Memcached::stop, Memcached::kill] {
            server.set("kept", 1, 100, b"value");
            let item = server.get("kept").expect("the value");
            assert_eq!((item.flags, item.data.as_slice()), (1, b"value".as_slice()));
            assert!(server.ttl("kept").is_some_and(|seconds| (98..=100).contains(&seconds)));
            end(&mut server);
            server.restart();
            assert_eq!(server.get("kept"), None);
        }
    }
    let Some(server) = Memcached::start_with(&["-I", "2m"]) else { return };
    server.set("large", 1, 0, &vec![b'x'; 1_500_000]);
    assert_eq!(server.get("large").map(|item| item.data.len()), Some(1_500_000));
}

#[test]
fn redis_starts_answers_and_comes_back() {
    let Some(mut server) = Redis::start_with(&["appendonly yes"]) else { return };
    let database = server.new_database();
    assert_eq!(server.command(database, &["SET", "kept", "a\nb"]), "OK");
    for end in [Redis::stop, Redis::kill] {
        end(&mut server);
        assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
        server.restart();
        assert_eq!(server.get(database, "kept").as_deref(), Some(&b"a\nb"[..]));
    }
    assert_eq!(server.get(server.new_database(), "kept"), None);
    for port in [server.port(), server.tls_port()] {
        TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    }
    UnixStream::connect(server.socket()).expect("it listens");
}

#[test]
fn pgbouncer_and_a_proxy_stand_before_postgresql() {
    let Some(server) = PostgreSql::shared() else { return };
    let Some(bouncer) = PgBouncer::before(server) else { return };
    let proxy = Proxy::before(bouncer.port());
    TcpStream::connect(("127.0.0.1", proxy.port())).expect("the proxy accepts");
    assert_eq!(proxy.round_trips(), 0, "nothing was sent");
}

#[test]
fn a_server_goes_with_the_process_that_is_killed() {
    if std::env::var_os(HOLDER).is_some() {
        let Some(server) = PostgreSql::shared() else { return };
        println!("\nholding {} {}", server.port(), server.folder().display());
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(["--exact", "a_server_goes_with_the_process_that_is_killed", "--nocapture"]).env(HOLDER, "1");
    let mut holder = command.stdout(Stdio::piped()).spawn().expect("this program starts");
    let mut lines = BufReader::new(holder.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let Some(held) = lines.find(|line| line.starts_with("holding ")) else {
        holder.wait().expect("it ends");
        assert!(PostgreSql::start().is_none(), "the server was not started");
        return;
    };
    let mut words = held.split(' ').skip(1);
    let port: u16 = words.next().and_then(|word| word.parse().ok()).expect("a port");
    let folder = Path::new(words.next().expect("a folder"));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok() && folder.exists());
    holder.kill().expect("it is killed");
    holder.wait().expect("it ends");
    let end = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_ok() || folder.exists() {
        assert!(Instant::now() < end, "the server is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}
