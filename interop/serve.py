#!/usr/bin/env python3
"""Serves the project on a loopback port: `python serve.py [PORT]` (0, the default: any free one).

Prints one line, `listening on http://127.0.0.1:PORT`, when it is ready. Ends on SIGTERM, and when
its standard input ends: a test holds the other end, so the server never outlives the test.
"""

import os
import signal
import socketserver
import sys
import threading

from django.core.exceptions import ImproperlyConfigured
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler


class Handler(WSGIRequestHandler):
    def address_string(self):
        return self.client_address[0]

    def log_message(self, *args):
        pass


class Server(ThreadedWSGIServer):
    # Many tests connect at once; a full queue would cost a client a retry of a second.
    request_queue_size = 128

    def server_bind(self):
        # http.server would look up this machine's name, which may take long without a network.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]
        self.setup_environ()


def end_with_stdin():
    # The bare descriptor: a thread inside sys.stdin would hold its lock while Python shuts down.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main():
    try:
        from interop.wsgi import application
    except ImproperlyConfigured as problem:
        sys.exit(f"serve.py: {problem}")

    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with Server(("127.0.0.1", port), Handler) as server:
        server.set_app(application)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        threading.Thread(target=end_with_stdin, daemon=True).start()
        print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever(poll_interval=60)


if __name__ == "__main__":
    main()
