"""Addresses of servers, as settings give them: what is wrong with one, without ever repeating it. Pure."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

_KEY_NAMES = re.compile(r"(?i)(key|token|secret|passw|credential|signature|^sig$|^code$|^auth)")
_KEY_LIKE = re.compile(r"(?i)\b(?:sk|pk|co|pa|hf|pcsk|jina|dapi)[-_]\w[\w-]{10,}")


def fault_in(url: str) -> str:
    """What is wrong with a base address, in words that follow its name; "" when nothing is.

    A user name, a password or a key in it is refused: addresses get into messages, logs and traces.

    >>> fault_in("http://127.0.0.1:11434/v1"), fault_in("localhost:8080")
    ('', 'must start with http:// or https://')
    >>> fault_in("https://user:pass@example.org") == fault_in("https://example.org/?api_key=abc")
    True
    >>> fault_in("https://example.org/?api_key=abc")
    'holds a user name or key; put the key in its own setting'
    """
    if not url.lower().startswith(("http://", "https://")):
        return "must start with http:// or https://"
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018  reading it checks it
    except ValueError:
        return "is not an address: its host or port cannot be read"
    named = any(_KEY_NAMES.search(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    if "@" in parts.netloc or named or _KEY_LIKE.search(url):
        return "holds a user name or key; put the key in its own setting"
    if not host:
        return "names no host"
    if parts.fragment or any(c.isspace() for c in url):
        return "is not an address: it holds a # or a blank"
    return ""


def host_of(url: str) -> str:
    """The host, with its port where one is given.

    >>> host_of("http://127.0.0.1:8080/v1")
    '127.0.0.1:8080'
    """
    return urlsplit(url).netloc


def at_domain(url: str, domain: str) -> bool:
    """Whether an address is at a domain or below it.

    >>> at_domain("https://eu.api.openai.com/v1", "openai.com"), at_domain("https://notopenai.com", "openai.com")
    (True, False)
    """
    return f".{urlsplit(url).hostname}".endswith(f".{domain}")
