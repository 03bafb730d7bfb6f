"""Stands in for `python -m streams <command>`: answers on the port that its environment names."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

name = sys.argv[1]
(Path(os.environ["MAILWEIR_DATA"]).parent / f"{name}.json").write_text(json.dumps(dict(os.environ)))
port = os.environ.get("MAILWEIR_METRICS_PORT") or os.environ[f"MAILWEIR_{name.upper()}_PORT"]
if name == os.environ.get("FAKE_REFUSES"):
    sys.exit(f"{name}: cannot work")


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path in {"/readyz", "/ping"} else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


HTTPServer(("127.0.0.1", int(port)), Ready).serve_forever()
