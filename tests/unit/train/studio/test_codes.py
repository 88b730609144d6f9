"""The server gives codes and figures; every sentence of normal use is in words.js, to translate."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_train.studio import jobs
from served_studio import Served, wait_until

WORDS = files("fer_train.studio").joinpath("static", "words.js").read_text(encoding="utf-8")
NOBODY, DARK = np.full((480, 640, 3), 90, np.uint8), np.zeros((480, 640, 3), np.uint8)


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def answers_of_normal_use(served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield what is answered from an empty studio to a model that was judged."""
    yield served.state()
    served.post("/api/classes/add", name="sad")
    pictures = (NOBODY, DARK, draw_scene("happy"))
    shots = [served.shoot("sad", picture, photo="1", recording="one") for picture in pictures]
    assert [shot["kept"] for shot in shots] == [False, False, True]
    yield from shots
    served.fill(("happy",), 10)
    yield served.state()
    crop = served.studio.collection.spec.resized(draw_scene("sad"))
    for _ in range(60):
        served.studio.collection.keep("sad", "one", crop)
    yield served.state()
    monkeypatch.setenv("STUDIO_STUB", "goes on")
    served.post("/api/train", name="first")
    wait_until(lambda: (served.state()["job"] or {}).get("step") == "learn")
    yield served.state()
    served.post("/api/stop")
    monkeypatch.setenv("STUDIO_STUB", "ends well")
    served.post("/api/train", name="mine")
    wait_until(lambda: served.state()["job"] is None)
    yield served.state()
    yield served.get("/api/run", name="mine")


def codes(answer: Any) -> Iterator[str]:
    """Yield the codes of an answer."""
    for each in (answer.get("why_not"), *(each["advice"] for each in answer.get("classes", ()))):
        if each:
            yield each["code"]
    if answer.get("job"):
        yield answer["job"]["step"]
    if "why" in answer:
        yield answer["why"]


def test_every_error_that_users_meet_has_a_sentence_on_the_page() -> None:
    sources = files("fer_train.studio").iterdir()
    python = "".join(each.read_text("utf-8") for each in sources if each.name.endswith(".py"))
    raised = set(re.findall(r'\bcode="(\w+)"', python))
    errors = WORDS.partition("const ERRORS = {\n")[2].partition("\n};")[0]
    assert set(re.findall(r"^  (\w+): ", errors, re.MULTILINE)) == raised
    assert len(raised) > 20


def test_an_error_brings_its_code_and_figures(served: Served) -> None:
    served.post("/api/classes/add", name="happy")
    status, content = served.ask("POST", "/api/classes/add", name="Happy")
    told = json.loads(content)
    assert (status, told["code"], told["figures"]) == (400, "taken", {"name": "happy"})
    assert told["error"] == "there is a class 'happy' already: choose another name"
    told = json.loads(served.ask("POST", "/api/classes/delete", name="sad")[1])
    assert (told["code"], told["figures"]) == ("gone", {"name": "sad"})


def test_no_sentence_is_in_the_answers_and_every_code_has_one_on_the_page(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set(jobs.STEPS)
    for answer in answers_of_normal_use(served, monkeypatch):
        assert [text for text in texts(answer) if re.search(r"\s", text)] == []
        if "confusion" not in answer:
            seen.update(codes(answer))
    assert seen >= {"needed", "helpful", "recording", "classes", "pictures", "no_face", "too_dark"}
    assert [code for code in seen if not re.search(rf"^  {code}: [(\[]", WORDS, re.MULTILINE)] == []
