"""A small hub on the loopback that answers as Hugging Face's does, with a second host for large files."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LARGE = (".onnx", ".zip", ".gif")


@dataclass
class Repository:
    files: dict[str, bytes] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    """Revision -> commit; set by `Hub.add`"""
    gated: bool = False
    token: str | None = None
    """Private: who has not got it is told that there is nothing"""


@dataclass
class Hub:
    """What the server has, how it misbehaves, and what it was asked."""

    address: str = ""
    storage: str = ""
    """Address of the host of large files"""
    repositories: dict[str, Repository] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    """Of each answer with a large file, one after the other: bytes after which the connection ends"""
    ranges: bool = True
    sent_instead: bytes | None = None
    redirect: str | None = None
    """Where requests for files are sent"""
    status: int | None = None
    """With which every request is answered"""
    storage_status: int | None = None
    """The same of the second host alone"""
    listing: dict | None = None
    """Instead of the true one"""
    writers: set[str] = field(default_factory=set)
    """Tokens that may write"""
    uploaded: dict[str, bytes] = field(default_factory=dict)
    """Large files, by SHA-256, before a commit has them"""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """(host, path, headers) of each request"""

    def add(self, name: str, files: dict[str, bytes], **rest) -> str:
        """A repository with one commit on `main`, whose number comes back."""
        commit = hashlib.sha1(repr((name, sorted(files.items()))).encode()).hexdigest()
        self.repositories[name] = Repository(files, {"main": commit, commit: commit}, **rest)
        return commit

    def paths(self, host: str) -> list[str]:
        return [path for asked, path, _ in self.asked if asked == host]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    is_storage: bool
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        host = self.hub.storage if self.is_storage else self.hub.address
        self.hub.asked.append((host, self.path, dict(self.headers)))
        path = unquote(urlsplit(self.path).path)
        status = self.hub.storage_status if self.is_storage else self.hub.status
        if status:
            return self.answer(status)
        if self.is_storage:
            return self.send_file(path)
        if match := re.fullmatch("/api/models/([^/]+/[^/]+)/revision/(.+)", path):
            return self.describe(*match.groups())
        if match := re.fullmatch("/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self.resolve(*match.groups())
        return self.answer(404)

    def do_POST(self):
        self.hub.asked.append((self.hub.address, self.path, dict(self.headers)))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = urlsplit(self.path).path
        secret = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if secret not in self.hub.writers:
            return self.answer(403 if secret.startswith("hf_") else 401, body=b'{"error": "no"}')
        if self.hub.status:
            return self.answer(self.hub.status, body=b'{"error": "not today"}')
        if path == "/api/validate-yaml":
            return self.answer_json({"errors": [], "warnings": []})
        if path == "/api/repos/create":
            return self.create(json.loads(body))
        if match := re.fullmatch("/api/models/([^/]+/[^/]+)/preupload/main", path):
            files = [file["path"] for file in json.loads(body)["files"]]
            modes = {file: "lfs" if file.endswith(LARGE) else "regular" for file in files}
            return self.answer_json(
                {"files": [{"path": file, "uploadMode": mode, "shouldIgnore": False} for file, mode in modes.items()]}
            )
        if re.fullmatch("/[^/]+/[^/]+[.]git/info/lfs/objects/batch", path):
            return self.answer_json(
                {"transfer": "basic", "objects": [self.storable(each) for each in json.loads(body)["objects"]]}
            )
        if match := re.fullmatch("/api/models/([^/]+/[^/]+)/commit/main", path):
            return self.commit(match[1], [json.loads(line) for line in body.splitlines()])
        return self.answer(404)

    def do_PUT(self):
        self.hub.asked.append((self.hub.storage, self.path, dict(self.headers)))
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.hub.uploaded[hashlib.sha256(data).hexdigest()] = data
        self.answer(200)

    def create(self, wanted: dict) -> None:
        name = f"{wanted['organization']}/{wanted['name']}"
        answer = {"url": f"{self.hub.address}/{name}", "name": name}
        if name in self.hub.repositories:
            answer["error"] = "You already created this model repo"
            return self.answer(409, body=json.dumps(answer).encode())
        private = wanted.get("private") or wanted.get("visibility") == "private"
        self.hub.add(name, {}, token=min(self.hub.writers) if private else None)
        return self.answer_json(answer)

    def storable(self, wanted: dict) -> dict:
        """Where a large file goes, in Git LFS's words; nowhere if it is here."""
        if wanted["oid"] in self.hub.uploaded:
            return wanted
        return wanted | {"actions": {"upload": {"href": f"{self.hub.storage}/upload/{wanted['oid']}"}}}

    def commit(self, name: str, lines: list[dict]) -> None:
        found = self.hub.repositories[name]
        values = {kind: [line["value"] for line in lines if line["key"] == kind] for kind in ("file", "lfsFile")}
        files = found.files | {file["path"]: base64.b64decode(file["content"]) for file in values["file"]}
        files |= {file["path"]: self.hub.uploaded[file["oid"]] for file in values["lfsFile"]}
        commit = self.hub.add(name, files, token=found.token)
        self.answer_json(
            {"success": True, "commitOid": commit, "commitUrl": f"{self.hub.address}/{name}/commit/{commit}"}
        )

    def answer_json(self, value: dict) -> None:
        self.answer(200, body=json.dumps(value).encode(), **{"Content-Type": "application/json"})

    def repository(self, name: str, revision: str) -> Repository | None:
        """None where the refusal is sent already."""
        found = self.hub.repositories.get(name)
        authorised = self.headers.get("Authorization")
        if found is None or (found.token and authorised != f"Bearer {found.token}"):
            self.answer(404 if authorised else 401, "RepoNotFound")
        elif revision not in found.branches:
            self.answer(404, "RevisionNotFound")
        else:
            return found
        return None

    def describe(self, name: str, revision: str) -> None:
        if (found := self.repository(name, revision)) is not None:
            answer = self.hub.listing or {
                "id": name,
                "gated": "auto" if found.gated else False,
                "sha": found.branches[revision],
                "siblings": [described(path, data) for path, data in found.files.items()],
            }
            self.answer(200, body=json.dumps(answer).encode())

    def resolve(self, name: str, revision: str, path: str) -> None:
        if (found := self.repository(name, revision)) is None:
            return
        if found.gated and "Authorization" not in self.headers:
            self.answer(401, "GatedRepo")
        elif path not in found.files:
            self.answer(404, "EntryNotFound")
        elif path.endswith(LARGE):
            self.answer(302, Location=self.hub.redirect or f"{self.hub.storage}/{name}:{path}")
        else:
            self.answer(200, body=found.files[path])

    def send_file(self, path: str) -> None:
        name, _, file = path[1:].partition(":")
        data = self.hub.sent_instead or self.hub.repositories[name].files[file]
        start = re.fullmatch("bytes=([0-9]+)-", self.headers.get("Range", ""))
        part = data[int(start[1]) :] if start and self.hub.ranges else data
        self.send_response(206 if start and self.hub.ranges else 200)
        self.send_header("Content-Length", str(len(part)))
        if start and self.hub.ranges:
            self.send_header("Content-Range", f"bytes {start[1]}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if self.hub.breaks:
            part, self.close_connection = part[: self.hub.breaks.pop(0)], True
        self.wfile.write(part)

    def answer(self, status: int, error: str | None = None, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in (
            ({"X-Error-Code": error} if error else {}) | headers | {"Content-Length": str(len(body))}
        ).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)


def described(path: str, data: bytes) -> dict:
    """A file as the hub lists it."""
    entry = {"rfilename": path, "size": len(data), "blobId": git_sha1(data)}
    if path.endswith(LARGE):
        entry |= {
            "blobId": git_sha1(b"pointer"),
            "lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130},
        }
    return entry


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@contextmanager
def serving() -> Iterator[Hub]:
    hub = Hub()
    servers = []
    for is_storage in (False, True):
        handler = type("Handler", (_Handler,), {"hub": hub, "is_storage": is_storage})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
    hub.address, hub.storage = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
