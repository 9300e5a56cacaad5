#!/usr/bin/env python3
"""Lets containers be made from allowed images only: a PowerstripProtocol adapter without any library.

    ALLOWED_IMAGES="busybox registry.example.com/*" python3 restrict_images.py 8004

ALLOWED_IMAGES holds shell globs. They are compared with the full name of the image, so that no other
spelling of it slips past: `busybox` means docker.io/library/busybox, whatever its tag.
"""

import json
import os
import sys
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_MESSAGE = 64 * 1024 * 1024


def full_name(image):
    """'busybox:1.36' -> 'docker.io/library/busybox'; a registry has a dot, a colon, or is localhost."""
    name = image.split("@")[0]
    head, colon, tag = name.rpartition(":")
    if colon and "/" not in tag:
        name = head
    first, slash, _ = name.partition("/")
    if not slash:
        return "docker.io/library/" + name
    if "." in first or ":" in first or first == "localhost":
        return name
    return "docker.io/" + name


ALLOWED = [full_name(glob) for glob in os.environ.get("ALLOWED_IMAGES", "busybox alpine").split()]


def pre_hook(request):
    """Returns the request as it was, or raises PermissionError."""
    try:
        body = json.loads(request.get("Body") or "")
        image = body["Image"]
    except (ValueError, KeyError, TypeError):
        raise PermissionError("The request names no image.") from None
    # Docker reads keys without regard to case and lets the last one win: "image" would beat "Image".
    if any(key.lower() == "image" and key != "Image" for key in body):
        raise PermissionError("The request spells Image in two ways.")
    name = full_name(str(image))
    if not any(fnmatchcase(name, allowed) for allowed in ALLOWED):
        raise PermissionError("The image %s is not allowed here. Allowed: %s." % (name, ", ".join(ALLOWED)))
    return request


def answer(message):
    """The answer to one hook; a version that we do not speak is a ValueError."""
    if message.get("PowerstripProtocolVersion") != 1:
        raise ValueError("Only PowerstripProtocolVersion 1 is spoken here.")
    if message.get("Type") == "pre-hook":
        return {"PowerstripProtocolVersion": 1, "ModifiedClientRequest": pre_hook(message["ClientRequest"])}
    return {"PowerstripProtocolVersion": 1, "ModifiedServerResponse": message["ServerResponse"]}


class Adapter(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections, so that a hook costs no new one
    wbufsize = -1  # head and body leave in one packet; in two, TCP holds the second back for 40 ms

    def do_GET(self):
        if self.path == "/v1/ping":
            self.reply(200, "text/plain", b"pong")
        else:
            self.reply_json(404, {"message": "Hooks are sent by POST."})

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_MESSAGE:
            self.close_connection = True
            return self.reply_json(413, {"message": "The message is too large."})
        try:
            self.reply_json(200, answer(json.loads(self.rfile.read(length))))
        except PermissionError as error:
            self.reply_json(403, {"message": str(error)})
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            self.reply_json(400, {"message": "This is no hook: %s" % error})

    def reply_json(self, status, value):
        self.reply(status, "application/json", json.dumps(value).encode())

    def reply(self, status, content_type, body):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8004
    server = ThreadingHTTPServer(("127.0.0.1", port), Adapter)
    print("ready http://127.0.0.1:%d" % server.server_address[1], flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
