"""wrk, and the few requests that look after what it did."""

import http.client
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .process import OTHER_CORE

LUA = Path(__file__).resolve().parent.parent / "load.lua"
CONNECTIONS = 64


class Failed(Exception):
    """A row that does not count."""


class Visitor:
    """A client with a connection of its own."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def visit(self, path, cookie=None):
        """The answer's text, and the cookie that it sets."""
        self.connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise Failed(f"{path} is answered by {answer.status}")
        set_cookie = answer.headers.get("Set-Cookie")
        return text, set_cookie and set_cookie.split(";")[0]


def fill(port, count):
    """So many new sessions of 5 members, by their cookies."""

    def some(share):
        visitor = Visitor(port)
        return [visitor.visit("/fill")[1] for _ in range(share)]

    workers = min(16, count)
    with ThreadPoolExecutor(workers) as threads:
        shares = threads.map(some, [count // workers] * workers)
        return [cookie for share in shares for cookie in share]


def wrk(port, route, seconds, cookie=None, cookies=None):
    """One run: what wrk counted. Anything but answers of 200 makes it fail."""
    command = ["taskset", "-c", str(OTHER_CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s"]
    command += ["-s", str(LUA)]
    if cookie:
        command += ["-H", f"Cookie: {cookie}"]
    command += [f"http://127.0.0.1:{port}{route}"]
    if cookies:
        command += ["--", str(cookies)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    counted = json.loads(output.splitlines()[-1])
    errors = {name: counted[name] for name in ("connect", "read", "write", "status", "timeout") if counted[name]}
    if errors or not counted["requests"]:
        raise Failed(f"{route}: {counted['requests']} requests, errors {errors}")
    return counted
