"""Postfix's earlier lines that explain a batch: whose message it is, who sent it, who still waits for it.

Lines of one message may lie far apart (a deferred one is tried again for days), and a batch is read alone. So what
later lines need is remembered per queue id and sent along in front of a batch in which the id comes up again; the
connector is told how many of the first lines are such. Bounded in bytes: the ids not seen for longest go first.
The queue manager names the sender at each try, so only a Message-ID or a logged header can be forgotten.
"""

from __future__ import annotations

from collections import OrderedDict

from connectors import postfix_lines

MOST_BYTES = 32 * 1024 * 1024  # some 60,000 messages in the queue
_MOST_EXPLAINING = 4 * 1024 * 1024  # in front of one batch, which the log must still take
_WAITING = "to "
_MOST_LINES = 200  # of one message: its headers and this many recipients who wait


class Context:
    """What is known of messages that are not done. Not thread-safe."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._messages: OrderedDict[str, OrderedDict[str, bytes]] = OrderedDict()
        self._most_bytes = most_bytes
        self.size_bytes = 0

    def before(self, lines: bytes) -> list[bytes]:
        """The earlier lines, with their ends, that explain these; then these are remembered themselves."""
        explaining: list[bytes] = []
        size_bytes = 0
        earlier: dict[str, dict[str, bytes]] = {}  # what was known of a message before these lines, and not used yet
        for line in lines.split(b"\n"):
            found = postfix_lines.postfix_line(line.decode("utf-8", "replace").rstrip("\r"))
            if found is None:
                continue
            if found.queue_id not in earlier:
                earlier[found.queue_id] = dict(self._messages.get(found.queue_id, {}))
            if postfix_lines.needs_context(found.text) and size_bytes < _MOST_EXPLAINING:
                used = _taken(earlier[found.queue_id], is_end=not found.text.startswith("to="))
                explaining += used
                size_bytes += sum(map(len, used))
            if postfix_lines.is_end(found.text):
                self._forget(found.queue_id)
            elif key := postfix_lines.context_key(found.text):
                self._remember(found.queue_id, key, b"" if postfix_lines.is_settled(found.text) else line + b"\n")
        return explaining

    def _remember(self, queue_id: str, key: str, line: bytes) -> None:
        message = self._messages.setdefault(queue_id, OrderedDict())
        self._messages.move_to_end(queue_id)
        self.size_bytes += len(line) - len(message.get(key, b""))
        message[key] = line  # in the place of the one before, as the connector keeps them
        if not line:
            del message[key]
        if not message:
            del self._messages[queue_id]
            return
        if len(message) > _MOST_LINES:
            oldest = next((key for key in message if key.startswith(_WAITING)), next(iter(message)))
            self.size_bytes -= len(message.pop(oldest))
        while self.size_bytes > self._most_bytes:
            self._forget(next(iter(self._messages)))

    def _forget(self, queue_id: str) -> None:
        self.size_bytes -= sum(map(len, self._messages.pop(queue_id, {}).values()))


def _taken(known: dict[str, bytes], *, is_end: bool) -> list[bytes]:
    """Take out what an outcome needs; who else waits matters only when the message is given up."""
    keys = [key for key in known if is_end or not key.startswith(_WAITING)]
    return [known.pop(key) for key in keys]
