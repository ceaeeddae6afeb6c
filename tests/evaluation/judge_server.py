"""A server on this machine that speaks OpenAI's chat completions, with scripted replies."""

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@contextmanager
def judge_server(reply):
    """Yields the address and the list of requests.

    `reply` makes a status and a text of each request's body; the text becomes a chat completion.
    """
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status = 401 if self.headers.get("Authorization") == "Bearer wrong" else 200
            self._send(status, b'{"data": []}')

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append(body)
            status, text = reply(body)
            choice = {"message": {"role": "assistant", "content": text}}
            self._send(status, json.dumps({"choices": [choice]}).encode())

        def _send(self, status, content):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
