"""The MIME parts of a message that comes piece by piece: only its header blocks are held."""

from __future__ import annotations

from simulators.formats.errors import FormatError
from simulators.formats.headers import MAX_HEADER_BYTES, Headers

from .mime import MAX_DEPTH, MAX_PART_HEADERS, MAX_PARTS, Part

MAX_DELIMITER_LINE = 1_000
"""A longer line is no delimiter: boundaries have 70 characters at most (RFC 2046, 5.1.1)."""
DESCRIBING = ("Content-Type", "Content-Disposition", "Content-Transfer-Encoding")
"""What is kept of the headers of a part; thousands of tiny fields would fill the memory."""
MAX_ALL_HEADERS = 4 << 20
MAX_HYPHENS = 1_000_000
"""What all header blocks may hold together, and how many lines may begin with ``--`` and be no
delimiter; parts after that are not looked for."""


class PartScanner:
    """Finds the leaves of a message as ``mime.parts`` does, from ``feed`` to ``finish``.

    ``parts`` are the leaves found so far, with what describes them; ``head`` is the message's own
    header block as a part; its ``end`` is that of the message only after ``finish``. Raises
    FormatError if the header block of the message is larger than MAX_HEADER_BYTES.
    """

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.head: Part | None = None
        self._buffer = b""
        self._base = 0  # where the buffer begins in the message
        self._next = 0  # where in the buffer the next line begins that was not looked at
        self._open: list[tuple[bytes, str]] = []  # boundary and type, outermost first
        self._start: int | None = 0  # of the part that is being read
        self._current: Part | None = None  # once its headers are known; never a multipart
        self._held = self._seen = self._hyphens = 0
        self._stopped = False

    @property
    def complete(self) -> bool:
        """Tell whether all parts were looked for; there may be too many."""
        return not self._stopped

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the message."""
        self._scan(piece, last=False)

    def finish(self) -> None:
        """Say that the message is over."""
        self._scan(b"", last=True)
        end = self._base + len(self._buffer)
        if self._start is not None:
            self._end_part(end)
        if self.head is not None:
            head = self.head
            self.head = Part(head.headers, head.start, min(head.body, end), end, ())

    def _scan(self, piece: bytes, *, last: bool) -> None:
        self._buffer += piece
        while not self._stopped:
            in_headers = self._start is not None and self._current is None
            took = self._header_line(last) if in_headers else self._delimiter_line(last)
            if not took:
                break
        if self._stopped:
            self._start, self._next = None, len(self._buffer)
        self._trim()

    def _trim(self) -> None:
        """Let go of what was looked at; header blocks that go on and two bytes are kept."""
        kept = self._next - 2
        if self._start is not None and self._current is None:
            kept = min(kept, self._start - self._base)
        if kept > 0:
            self._buffer = self._buffer[kept:]
            self._base += kept
            self._next -= kept

    def _header_line(self, last: bool) -> bool:
        """Take the next line of a header block; return whether there was one."""
        assert self._start is not None
        begin, end = self._next, self._buffer.find(b"\n", self._next)
        size = self._base + (len(self._buffer) if end < 0 else end + 1) - self._start
        if size > (MAX_PART_HEADERS if self._open else MAX_HEADER_BYTES):
            self._endless_headers()
            return True
        if end < 0 and not (last and begin < len(self._buffer)):
            return False
        end = len(self._buffer) if end < 0 else end + 1
        line = self._buffer[begin:end]
        if line.startswith(b"--") and self._take_delimiter(begin, end):
            return True
        self._next = end
        if line in (b"\r\n", b"\n"):
            block = self._buffer[self._start - self._base : begin]
            self._headers_known(Headers.parse(block), self._base + end)
        return True

    def _endless_headers(self) -> None:
        """Take what is there for the headers of a part without body (RFC 2045 has no such)."""
        if not self._open:
            raise FormatError(f"the header is larger than {MAX_HEADER_BYTES} bytes")
        assert self._start is not None
        begin = self._start - self._base
        headers = Headers.parse(self._buffer[begin : begin + MAX_PART_HEADERS])
        self._current = Part(headers, self._start, -1, -1, self._inside)

    def _delimiter_line(self, last: bool) -> bool:
        """Look for the next line that begins with ``--``; return whether to go on."""
        # The byte before ``_next`` is a line end or was looked at with what follows it.
        begin = max(0, self._next - 1)
        hyphen = self._buffer.find(b"-", begin) if self._open else -1  # in base64 there is none
        found = -1 if hyphen < 0 else self._buffer.find(b"\n--", max(begin, hyphen - 1))
        if found < 0:
            self._next = max(self._next, len(self._buffer) - 1)
            return False
        begin = found + 1
        end = self._buffer.find(b"\n", begin)
        if end < 0:
            if not last and len(self._buffer) - begin <= MAX_DELIMITER_LINE:
                self._next = begin
                return False
            end = len(self._buffer) - 1
        if not self._take_delimiter(begin, end + 1):
            self._next = begin + 1
            self._hyphens += 1
            self._stopped = self._hyphens > MAX_HYPHENS
        return True

    def _take_delimiter(self, begin: int, end: int) -> bool:
        """Act on the line between *begin* and *end* if it delimits parts; return whether it does.

        The outermost multipart comes first: its delimiter ends whatever is inside.
        """
        if end - begin > MAX_DELIMITER_LINE:
            return False
        line = self._buffer[begin:end].removesuffix(b"\n").removesuffix(b"\r").rstrip(b" \t")
        for level, (boundary, _) in enumerate(self._open):
            if not line.startswith(b"--" + boundary):
                continue
            rest = line[2 + len(boundary) :]
            if rest not in (b"", b"--"):
                continue
            if self._start is not None:
                self._end_part(self._base + self._before_line_end(begin))
            self._open = self._open[: level + 1 if not rest else level]
            self._start = None if rest else self._base + end
            self._next = end
            return True
        return False

    def _before_line_end(self, position: int) -> int:
        if self._buffer[max(0, position - 2) : position] == b"\r\n":
            return position - 2
        return position - 1

    @property
    def _inside(self) -> tuple[str, ...]:
        return tuple(kind for _, kind in self._open)

    def _headers_known(self, headers: Headers, body: int) -> None:
        assert self._start is not None
        part = Part(headers, self._start, body, body, self._inside)
        if self.head is None:
            self.head = part
        if self._too_many(body - self._start):
            return
        if part.boundary is not None and self._is_multipart(part):
            self._open.append((part.boundary, part.content_type))
            self._start = None
        else:
            self._current = part

    def _too_many(self, size: int) -> bool:
        """Count a header block of *size* bytes; return whether to look no further."""
        self._held += size
        self._seen += 1
        self._stopped = self._seen > MAX_PARTS or self._held > MAX_ALL_HEADERS
        return self._stopped

    def _end_part(self, end: int) -> None:
        """Note that the part that is being read ends at *end*, in its headers or in its body."""
        assert self._start is not None
        end = max(end, self._start)
        part = self._current
        if part is None:
            block = self._buffer[self._start - self._base : end - self._base]
            part = Part(Headers.parse(block), self._start, end, end, self._inside)
            self.head = self.head or part
            if self._too_many(end - self._start):
                return
        if not self._is_multipart(part):  # one that ends in its headers has no parts
            body = end if part.body < 0 else min(part.body, end)
            headers = part.headers.named(*DESCRIBING)
            self.parts.append(Part(headers, part.start, body, end, part.inside))
        self._start = self._current = None

    def _is_multipart(self, part: Part) -> bool:
        return part.boundary is not None and len(part.inside) < MAX_DEPTH
