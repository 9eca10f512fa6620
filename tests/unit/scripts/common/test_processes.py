import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from scripts.common.processes import (
    LOOPBACK,
    end,
    free_ports,
    last_words,
    listens,
    post,
    started,
    wait_until,
)

DEAF = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
)


def python(code, **options):
    return started([sys.executable, "-c", code], **options)


def test_a_process_is_ended_when_the_block_is_left():
    with python("import time; time.sleep(60)") as process:
        assert process.poll() is None
    assert process.returncode == -15


def test_one_that_ignores_sigterm_is_killed():
    with python(DEAF, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        end(process, patience=0.1)
        assert process.returncode == -9


def test_input_that_was_never_read_does_not_keep_a_process_from_its_end():
    with python("", stdin=subprocess.PIPE, text=True) as process:
        process.wait()
        process.stdin.write("unread")
    assert process.stdin.closed


def test_waiting_ends_with_the_process_and_with_its_time(tmp_path):
    with (tmp_path / "log").open("w+b") as log, python("exit('no more')", stderr=log) as process:
        assert not wait_until(lambda: False, process, 60)
        assert process.returncode == 1
        assert last_words(log) == "no more"
    with python("import time; time.sleep(60)") as process:
        assert not wait_until(lambda: False, process, 0.02)
        assert wait_until(lambda: True, process, 60)


def test_free_ports_differ_and_take_no_connections_until_something_listens():
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert not listens(ports[0])
    with socket.create_server((LOOPBACK, ports[0])):
        assert listens(ports[0])
        assert not listens(*ports[:2])


def test_a_post_returns_status_and_body_whatever_they_are():
    class Echo(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(503)
            self.end_headers()
            self.wfile.write(self.path.encode() + b" " + body)

        def log_message(self, *_):
            pass

    with HTTPServer((LOOPBACK, 0), Echo) as server:
        Thread(target=server.handle_request, daemon=True).start()
        assert post(server.server_port, "/a", b"body", seconds=10) == (503, b"/a body")
