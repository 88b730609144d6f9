"""What the wheel holds and needs, as a CycloneDX document (SBOM) that lies in the wheel (PEP 770).

    python release/sbom.py          writes release/sbom.cdx.json
    python release/sbom.py --check  fails if the file is no longer true

It names what is not our code (with SHA-256), and each package that pip may install with it, both
with their licenses. The text depends on the repository alone: no time, no random number.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import tomllib
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fer_core import __version__

ROOT = Path(__file__).parents[1]
SBOM, LICENSES = ROOT / "release" / "sbom.cdx.json", ROOT / "release" / "licenses.json"
OURS, MIT = LicenseExpression("Apache-2.0"), LicenseExpression("MIT")
PUBLIC = DisjunctiveLicense(name="public domain (NASA)")
Contents = tuple[str, ComponentType, LicenseExpression | DisjunctiveLicense]
CONTENTS: tuple[Contents, ...] = (
    ("edge/fer_edge/models/*.tflite", ComponentType.MACHINE_LEARNING_MODEL, OURS),
    ("train/results/fer-nano/model.keras", ComponentType.MACHINE_LEARNING_MODEL, OURS),
    ("train/results/fer-small/model.keras", ComponentType.MACHINE_LEARNING_MODEL, OURS),
    ("train/configs/fer2013-votes.npz", ComponentType.DATA, MIT),
    ("edge/fer_edge/assets/astronaut.jpg", ComponentType.DATA, PUBLIC),
)
"""What the wheel holds that is not code, with its license; NOTICE says more."""


def held() -> Iterator[Component]:
    """Yield each file of the wheel that is not code."""
    for pattern, kind, license_ in CONTENTS:
        for path in sorted(ROOT.glob(pattern)):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            name = path.relative_to(ROOT).as_posix()
            hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest)]
            yield Component(name=name, type=kind, bom_ref=name, licenses=[license_], hashes=hashes)


def needed() -> Iterator[Component]:
    """Yield each package of pyproject.toml, with its range and the extras that bring it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    licenses = json.loads(LICENSES.read_text())["packages"]
    ranges: dict[str, list[str]] = {}
    for extra, words in groups.items():
        for requirement in map(Requirement, words):
            wanted = f"{requirement.specifier or 'any version'}; {requirement.marker or 'always'}"
            told = f"{f'[{extra}]' if extra else 'always'}: {wanted}"
            if extra != "dev" and requirement.name != project["name"]:
                ranges.setdefault(requirement.name.lower(), []).append(told)
    for name, told in sorted(ranges.items()):
        url = PackageURL("pypi", name=name)
        properties = [
            Property(name=f"fer-edge-kit:range:{at}", value=v) for at, v in enumerate(told)
        ]
        told_of = licenses.get(canonicalize_name(name))  # release/licenses.py looks them up
        own = [LicenseExpression(told_of["license"])] if told_of else []
        yield Component(name=name, bom_ref=str(url), purl=url, licenses=own, properties=properties)


def sbom() -> str:
    """Return the document as JSON, valid by its schema."""
    own = Component(
        name="fer-edge-kit",
        version=__version__,
        bom_ref="fer-edge-kit",
        type=ComponentType.APPLICATION,
        licenses=[OURS],
        purl=PackageURL("pypi", name="fer-edge-kit", version=__version__),
    )
    inside, packages = list(held()), list(needed())
    bom = Bom(components=[*inside, *packages])
    bom.metadata.component = own
    bom.register_dependency(own, [*inside, *packages])
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    told = json.loads(text)
    del told["serialNumber"], told["metadata"]["timestamp"]
    text = json.dumps(told, indent=1, sort_keys=True) + "\n"
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"no valid CycloneDX: {fault}")
    return text


def main() -> None:
    """Write the document, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    text = sbom()
    if not parser.parse_args().check:
        SBOM.write_text(text)
    elif SBOM.read_text() != text:
        sys.exit(f"{SBOM.name} is no longer true: run python release/sbom.py")


if __name__ == "__main__":
    main()
