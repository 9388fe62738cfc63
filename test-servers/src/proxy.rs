//! A proxy between a client and a server that counts round trips, and cuts, delays and truncates them when told.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::fault::{self, Fault, Reply};

/// Stands before a server on 127.0.0.1. Dropping it ends its connections.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: u16,
    round_trips: AtomicUsize,
    /// Requests whose reply has not begun to come back.
    waiting: AtomicUsize,
    /// How long the reply to the latest request is, as far as the server has sent it.
    reply: AtomicUsize,
    faults: AtomicUsize,
    plan: Mutex<Option<Plan>>,
    closed: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

/// Says for each request what it meets.
type Plan = Box<dyn FnMut() -> Fault + Send>;

/// One connection of a client, as both of its threads know it.
struct Line {
    /// Whether the server has the word: what a client sends in several pieces is one request.
    asked: AtomicBool,
    reply: Mutex<Reply>,
}

impl Proxy {
    /// Before the server at a port of 127.0.0.1.
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            server,
            round_trips: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            reply: AtomicUsize::new(0),
            faults: AtomicUsize::new(0),
            plan: Mutex::default(),
            closed: AtomicBool::new(false),
            connections: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.closed.load(Ordering::SeqCst) {
                    return;
                }
                // A server that is down closes the connection.
                let _ = accepting.connect(client);
            }
        });
        Self { address, shared }
    }

    /// Where clients find it.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How often a client sent something and waited, over all connections, since this was last asked.
    pub fn round_trips(&self) -> usize {
        self.shared.round_trips.swap(0, Ordering::SeqCst)
    }

    /// From now on each request, on whichever connection, meets what `plan` says: a request is what a client sends before
    /// the server answers. What the server sends unasked meets nothing.
    pub fn meet(&self, plan: impl FnMut() -> Fault + Send + 'static) {
        *self.shared.plan() = Some(Box::new(plan));
    }

    /// From now on requests meet nothing. What was delayed still comes.
    pub fn calm(&self) {
        *self.shared.plan() = None;
    }

    /// How many faults took effect, since this was last asked.
    pub fn faults(&self) -> usize {
        self.shared.faults.swap(0, Ordering::SeqCst)
    }

    /// How many connections wait for the server's answer now.
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::SeqCst)
    }

    /// How many bytes the server has sent in reply to the latest request.
    pub fn reply_length(&self) -> usize {
        self.shared.reply.load(Ordering::SeqCst)
    }

    /// Cuts all connections; new ones are let through.
    pub fn cut(&self) {
        for connection in self.shared.connections().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.cut();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn connections(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect(("127.0.0.1", self.server))?;
        for end in [&client, &server] {
            end.set_nodelay(true)?;
            self.connections().push(end.try_clone()?);
        }
        let line = Arc::new(Line { asked: AtomicBool::new(false), reply: Mutex::new(Reply::with(Fault::Nothing)) });
        let (shared, requests) = (Arc::clone(self), Arc::clone(&line));
        let (from, to) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || {
            let _ = shared.pass_requests(&from, &to, &requests);
            close(&from, &to);
        });
        let shared = Arc::clone(self);
        thread::spawn(move || {
            let _ = shared.pass_replies(&server, &client, &line);
            close(&server, &client);
            // Whoever waited on this line waits no more.
            if line.asked.swap(false, Ordering::SeqCst) {
                shared.waiting.fetch_sub(1, Ordering::SeqCst);
            }
        });
        Ok(())
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Option<Plan>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass_requests(&self, mut from: &TcpStream, mut to: &TcpStream, line: &Line) -> io::Result<()> {
        let mut bytes = [0; 64 * 1024];
        while let count @ 1.. = from.read(&mut bytes)? {
            if !line.asked.swap(true, Ordering::SeqCst) {
                self.round_trips.fetch_add(1, Ordering::SeqCst);
                self.waiting.fetch_add(1, Ordering::SeqCst);
                let fault = self.plan().as_mut().map_or(Fault::Nothing, |plan| plan());
                if fault == Fault::Refused {
                    self.faults.fetch_add(1, Ordering::SeqCst);
                    return Ok(());
                }
                line.reply.lock().unwrap_or_else(PoisonError::into_inner).begin(fault);
            }
            to.write_all(&bytes[..count])?;
        }
        Ok(())
    }

    fn pass_replies(&self, mut from: &TcpStream, to: &TcpStream, line: &Line) -> io::Result<()> {
        let mut bytes = [0; 64 * 1024];
        while let count @ 1.. = from.read(&mut bytes)? {
            let (fault, before) = line.reply.lock().unwrap_or_else(PoisonError::into_inner).advance(count);
            self.reply.store(before + count, Ordering::SeqCst);
            if let (Fault::Delayed(time), 0) = (fault, before) {
                thread::sleep(time);
            }
            // Before the client has the reply: what it sends then is its next request.
            if line.asked.swap(false, Ordering::SeqCst) {
                self.waiting.fetch_sub(1, Ordering::SeqCst);
            }
            if !fault::pass(fault, before, &bytes[..count], to, &self.faults)? {
                break;
            }
        }
        Ok(())
    }
}

fn close(one: &TcpStream, other: &TcpStream) {
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
}
