"""Check the discovery messages against the schemas of Home Assistant's MQTT integration.

    python3.13 -m venv ha && ha/bin/pip install homeassistant paho-mqtt PyTurboJPEG numpy
    python edge/studies/home_assistant.py ha/bin/python

Makes all messages that a run may send, and has them read by the schemas of the Home Assistant that
is installed for the other Python, which wants other packages than fer-edge. `--table` writes down
what those schemas know: tests/unit/edge/home_assistant.json, for a test without a Home Assistant.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

KINDS = ("sensor", "image")


def messages() -> dict[str, str]:
    """Return topic and JSON of every discovery message of a run with all that it may have."""
    from fer_edge.outputs.mqtt.home_assistant import discovery, person_discovery
    from fer_edge.outputs.mqtt.pictures import SharedPictures

    labels, shared = ("happy", "sad"), SharedPictures(True, lambda camera: None)
    known: dict[str, str] = {}
    for name, cameras in (("hall", ("",)), ("attic-3fa9c1", ("door", "Desk_2"))):
        known |= discovery(name, labels, "homeassistant", cameras)
        known |= shared.discovery(name, "homeassistant", cameras)
        topic, text = person_discovery(name, labels, "homeassistant", "Zoë O'Hara", "zo-c6a126")
        known[topic] = text
    return known


def validated() -> dict[str, Any]:
    """Read messages from stdin; return what Home Assistant says of them, and what it knows."""
    from homeassistant import const  # type: ignore[import-not-found]  # of the other Python
    from homeassistant.components.mqtt import discovery  # type: ignore[import-not-found]
    from homeassistant.components.sensor import (  # type: ignore[import-not-found]
        SensorDeviceClass,
        SensorStateClass,
    )

    problems = []
    for topic, text in json.load(sys.stdin).items():
        match = discovery.TOPIC_MATCHER.match(topic.removeprefix("homeassistant/"))
        if not match:
            problems.append(f"{topic}: no topic of discovery")
            continue
        given = json.loads(text)
        try:
            taken = _schema(match["component"])(dict(given))
        except Exception as error:  # noqa: BLE001  # whatever a schema raises is the finding
            problems.append(f"{topic}: {error}")
            continue
        problems += [f"{topic}: {key} is not known" for key in given.keys() - taken.keys()]
    known = {kind: _keys(_schema(kind)) for kind in KINDS}
    classes = {"device_class": [*SensorDeviceClass], "state_class": [*SensorStateClass]}
    return {"home_assistant": const.__version__, "problems": problems, **known, **classes}


def _schema(kind: str) -> Any:
    return importlib.import_module(f"homeassistant.components.mqtt.{kind}").DISCOVERY_SCHEMA


def _keys(schema: Any) -> dict[str, Any]:
    """Return the keys that a schema of voluptuous knows, those within others below them."""
    inner = schema
    while hasattr(inner, "validators"):  # All and Any hold what they try in turn
        inner = next((each for each in inner.validators if _holds_keys(each)), inner.validators[-1])
    if isinstance(inner, list):
        inner = inner[0]
    plain = getattr(inner, "schema", inner)
    if not isinstance(plain, dict):
        return {}
    return {str(key): _keys(value) for key, value in sorted(plain.items(), key=str)}


def _holds_keys(each: Any) -> bool:
    return isinstance(each, (dict, list)) or isinstance(getattr(each, "schema", None), dict)


def main() -> None:
    """Print what Home Assistant says, and exit with 1 where it refuses a message."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", help="of the environment with Home Assistant")
    parser.add_argument("--table", type=Path)
    given = parser.parse_args()
    if given.python == "-":
        print(json.dumps(validated()))
        return
    sent = messages()
    done = subprocess.run(
        [given.python, __file__, "-"],
        input=json.dumps(sent),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    told = json.loads(done.stdout)
    problems = told.pop("problems")
    print(f"Home Assistant {told['home_assistant']}: {len(sent)} messages")
    print("\n".join(problems) or "all are valid, with no key that it does not know")
    if given.table:
        given.table.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
