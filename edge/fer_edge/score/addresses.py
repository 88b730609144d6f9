"""What results and messages show of a URL: no password, no signature."""

from __future__ import annotations

import re

WEB = ("http", "https")
_SECRET = (
    "x-amz-.*|x-goog-.*|signature|sig|expires|policy|key-pair-id|awsaccesskeyid|googleaccessid|"
    "token|access_token|auth|api_key|apikey|password"
)
_OF_AZURE = "s[vsptrie]|srt|spr|sip|skoid|sktid|skt|ske|sks|skv"


def without_secrets(address: str) -> str:
    """Return a path or URL without password, and a web address without user and signature.

    What remains of a query tells pictures apart, such as `?id=3`. Two links to one picture that
    were signed on two days are the same here.
    """
    scheme, there, rest = address.partition("://")
    if not there or not scheme.replace("+", "").replace("-", "").isalnum():
        return address
    is_web = scheme.lower() in WEB
    place, mark, query = rest.partition("?") if is_web else (rest, "", "")
    host, slash, path = place.partition("/")
    user, at, host = host.rpartition("@")
    user = "" if is_web else user.partition(":")[0] + at
    kept = "&".join(_open_parts(query)) if mark else ""
    return f"{scheme}://{user}{host}{slash}{path}{mark if kept else ''}{kept}"


def without_secrets_in(text: str) -> str:
    """Return a message whose URLs show no secret."""
    return re.sub(r"\w+://[^\s'\"<>]+", lambda found: without_secrets(found[0]), text)


def _open_parts(query: str) -> list[str]:
    parts = query.split("&")
    names = [part.partition("=")[0].lower() for part in parts]
    secret = re.compile(f"{_SECRET}|{_OF_AZURE}" if "sig" in names else _SECRET)
    return [part for part, name in zip(parts, names, strict=True) if not secret.fullmatch(name)]
