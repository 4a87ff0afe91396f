"""What a viewer may watch: the screen, and the figures."""

from collections.abc import Callable

from edgedistill.serve.snapshot import Snapshot

BOUNDARY = "picture"


def _picture(snapshot: Snapshot) -> bytes:
    """Ends with the next one's boundary: browsers show a part once they have seen its end."""
    jpeg = snapshot.jpeg()
    return b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n--%b\r\n" % (
        len(jpeg),
        jpeg,
        BOUNDARY.encode(),
    )


# By path: content type, what comes first, and what each snapshot adds.
STREAMS: dict[str, tuple[str, bytes, Callable[[Snapshot], bytes]]] = {
    "/screen.mjpeg": (f"multipart/x-mixed-replace; boundary={BOUNDARY}", f"--{BOUNDARY}\r\n".encode(), _picture),
    "/events": ("application/x-ndjson", b"", Snapshot.line),
}
