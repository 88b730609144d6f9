"""The license of a package as an SPDX expression, from the metadata that it is installed with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import Distribution
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

NAMES = {
    "apache software license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "boost software license": "BSL-1.0",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}
"""What packages write instead of an SPDX identifier."""
TEXTS = (
    (r"neither the name.{0,200}may be used to endorse", "BSD-3-Clause"),
    (r"redistributions in binary form", "BSD-2-Clause"),
    (r"permission is hereby granted, free of charge, to any person obtaining", "MIT"),
    (r"apache license,?\s+version 2\.0", "Apache-2.0"),
)
"""What the text of a license holds, the first that fits."""


@dataclass(frozen=True, slots=True)
class Package:
    """What the metadata of a package says.

    Attributes:
        fields: `License-Expression`, `License` and the license's classifier, if it has them.
        requires: Its own requirements.
        text: The text of its own license; empty where none is known.
    """

    version: str
    fields: dict[str, str]
    requires: tuple[str, ...]
    text: str = ""

    @classmethod
    def installed(cls, package: Distribution) -> Package:
        """Read a package that is installed."""
        told = package.metadata
        fields = {name: told[name] for name in ("License-Expression", "License") if name in told}
        fields |= _classified(told.get_all("Classifier") or [])
        return cls(package.version, fields, tuple(package.requires or ()), _text(package))

    @classmethod
    def offered(cls, metadata: dict[str, Any]) -> Package:
        """Read a package as `pip install --report` describes it."""
        keys = {"License-Expression": "license_expression", "License": "license"}
        fields = {name: metadata[key] for name, key in keys.items() if metadata.get(key)}
        fields |= _classified(metadata.get("classifier", []))
        return cls(metadata["version"], fields, tuple(metadata.get("requires_dist", ())))

    def license(self) -> tuple[str, str] | None:
        """Return its license as SPDX, and where it says so; None if it is not clear."""
        for source, text in self.fields.items():
            if expression := spdx(text):
                return expression, source
        words = " ".join(self.text.lower().split())
        found = next((name for pattern, name in TEXTS if re.search(pattern, words)), None)
        return (found, "text of its license") if found else None


def _classified(classifiers: list[str]) -> dict[str, str]:
    """Return the classifier of a license, if there is one alone."""
    told = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: ")]
    return {"classifier": told[0]} if len(told) == 1 else {}


def _text(package: Distribution) -> str:
    files = [
        each
        for each in package.files or ()
        if re.match(r"(licen[cs]e|copying)(\.(txt|md|rst))?$", each.name, re.IGNORECASE)
        and ".dist-info" in each.parts[0]
    ]
    first = sorted(files, key=lambda each: len(each.parts))[:1]
    return "".join(each.read_text(encoding="utf-8") for each in first)


def spdx(text: str) -> str | None:
    """Return an SPDX expression for what a package writes; None if it is not clear."""
    try:
        return str(canonicalize_license_expression(NAMES.get(text.strip().lower(), text.strip())))
    except InvalidLicenseExpression:
        return None
