"""From a maker's own photos to a model on the device, and the questions asked on the way."""

import json
import re
from pathlib import Path

import cv2
import pytest

from commands import call_here
from drawn_faces import draw_scene, drawn_dataset, save_npz
from fer_core.bundle import ModelBundle
from votes import write_votes

pytestmark = pytest.mark.slow

LOOKS = {"grin": "happy", "frown": "sad", "gasp": "surprise"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of three own classes, and the faces that `prepare` made of them."""
    root = tmp_path_factory.mktemp("own")
    for label, look in LOOKS.items():
        (root / "photos" / label).mkdir(parents=True)
        for seed in range(10):
            cv2.imwrite(str(root / "photos" / label / f"{seed}.jpg"), draw_scene(look, seed=seed))
    cv2.imwrite(str(root / "photos" / "grin" / "wall.jpg"), draw_scene("happy")[:100])
    done = call_here("fer-train", "prepare", "photos", "faces", cwd=root)
    assert "30 of 31 photos cropped into faces: frown 10, gasp 10, grin 10" in done.stdout
    assert "1 left out: no face found 1" in done.stdout
    return root


def test_from_photos_to_the_device(prepared: Path) -> None:
    trained = call_here(
        "fer-train", "--data", "faces", "--init", "fer-nano", "--epochs", 8, "--out", "runs/own",
        cwd=prepared,
    )  # fmt: skip
    assert "so the accuracy may be anything" in trained.stderr
    assert "--folds 5 judges every picture" in trained.stderr
    done = call_here("fer-convert", "--int8", cwd=prepared)
    assert "own-int8.tflite" in done.stdout
    right = 0
    for label, look in LOOKS.items():
        cv2.imwrite(str(prepared / "new.jpg"), draw_scene(look, x=100, seed=99))
        seen = call_here(
            "fer-edge", "new.jpg", "--model", "runs/own/own-int8.tflite", "--json", "-",
            cwd=prepared,
        )  # fmt: skip
        right += json.loads(seen.stdout)["label"] == label
    assert right >= 2
    explained = call_here("fer-train", "explain", "runs/own", "new.jpg", cwd=prepared)
    assert "new.jpg: " in explained.stdout
    assert cv2.imread(str(prepared / "explained.png")) is not None


def test_cross_validation_prints_the_spread(prepared: Path) -> None:
    options = ("--data", "faces", "--arch", "b", "--epochs", 1, "--batch-size", 8)
    done = call_here("fer-train", *options, "--folds", 2, "--out", "runs/two", cwd=prepared)
    assert "2 folds, mean and standard deviation" in done.stdout
    for unasked in ("--folds 5 judges every picture", "WARNING:tensorflow"):
        assert unasked not in done.stdout + done.stderr
    assert "n = 30" in done.stdout
    again = call_here("fer-train", "--out", "runs/two", "--resume", cwd=prepared)
    assert again.stdout == done.stdout


def test_one_network_from_two_that_had_the_same_start(prepared: Path) -> None:
    done = call_here(
        "fer-train", "ensemble", 2, "--data", "faces", "--init", "fer-nano", "--epochs", 2,
        "--out", "runs/both", cwd=prepared,
    )  # fmt: skip
    assert "the mean of their weights, one network: model.keras" in done.stdout
    call_here("fer-convert", "runs/both", "--int8", "--max-drop", 100, cwd=prepared)
    bundle = ModelBundle.load(prepared / "runs" / "both" / "both-int8.tflite")
    assert bundle.manifest.provenance["networks"] == 2
    card = " ".join(bundle.card.split())
    assert "from fer-nano on." in card
    assert "The weights are the mean of 2 such trainings." in card


def test_ferplus_labels_train_convert_and_bench(tmp_path: Path) -> None:
    dataset = drawn_dataset((12, 4, 4))
    data = save_npz(tmp_path / "drawn.npz", dataset)
    votes = write_votes(tmp_path / "fer2013new.csv", dataset)
    lines = votes.read_text().splitlines()
    lines[1::6] = [",".join([*line.split(",")[:2], "0,0,0,0,0,0,0,9,1,0"]) for line in lines[1::6]]
    votes.write_text("\n".join(lines) + "\n")  # some contempt
    for labels in ("ferplus", "ferplus-votes"):
        call_here(
            "fer-train", "--data", data, "--labels", labels, "--arch", "b", "--epochs", 1,
            "--out", f"runs/{labels}", cwd=tmp_path,
        )  # fmt: skip
    call_here("fer-convert", "runs/ferplus-votes", "--int8", "--max-drop", 100, cwd=tmp_path)
    bundle = "runs/ferplus-votes/ferplus-votes-int8.tflite"
    assert "100% the votes of FER+" in ModelBundle.load(tmp_path / bundle).card
    done = call_here(
        "fer-bench", bundle, "--data", data, "--votes", votes, "--quick", "--out", "r",
        cwd=tmp_path,
    )  # fmt: skip
    assert "ferplus-votes-int8" in done.stdout
    (model,) = json.loads((tmp_path / "r" / "results.json").read_text())["models"]
    assert len(model["per_class"]) == 8
    assert (model["epochs"], model["recipe_epochs"]) == (1, 30)
    report = call_here("fer-bench", "report", "r/results.json", cwd=tmp_path).stdout
    assert re.search(r"^\| ferplus-votes-int8 \|.* 355,976 \|.* 1 of 30 \|$", report, re.MULTILINE)


def test_colour_and_another_size(prepared: Path) -> None:
    call_here(
        "fer-train", "prepare", "photos", "colour", "--size", 64, "--colour", "rgb", cwd=prepared
    )
    options = ("--data", "colour", "--size", 64, "--colour", "rgb", "--arch", "fer-nano")
    call_here("fer-train", *options, "--epochs", 1, "--out", "colour-run", cwd=prepared)
    call_here("fer-convert", "colour-run", "--int8", "--max-drop", 100, cwd=prepared)
    bundle = "colour-run/colour-run-int8.tflite"
    seen = call_here(
        "fer-edge", "photos/grin/0.jpg", "--model", bundle, "--json", "-", cwd=prepared
    )
    assert set(json.loads(seen.stdout)["probabilities"]) == set(LOOKS)


def test_wrong_inputs_are_said(prepared: Path) -> None:
    def error(*arguments: object, code: int = 1) -> str:
        return call_here("fer-train", *arguments, cwd=prepared, code=code).stderr

    assert "is there already" in error("prepare", "photos", "faces")
    assert "no photos in class folders" in error("prepare", "photos/grin", "new")
    assert "or one of fer-base, fer-base-ferplus, fer-nano" in error(
        "explain", "absent", "photos/grin/0.jpg"
    )
    assert "no layer 'x' with maps" in error(
        "explain", "fer-nano", "photos/grin/0.jpg", "--layer", "x", code=2
    )
    assert "the model knows angry" in error(
        "explain", "fer-nano", "photos/grin/0.jpg", "--label", "glad", code=2
    )
    assert "leave --arch out" in error(
        "--data", "faces", "--init", "fer-nano", "--arch", "d", code=2
    )
    assert "would replace" in error(
        "explain", "fer-nano", "photos/grin/0.jpg", "--out", "photos/grin/0.jpg", code=2
    )
    assert "must end in .png" in error("check", "faces", "--sheet", "sheet.txt", code=2)
    assert "votes go with labels" in error("--data", "faces", "--votes", "x.csv", code=2)
    assert "folds must be 0" in error("--data", "faces", "--folds", 1, code=2)
    assert "need the votes of FER+" in error("--data", "faces", "--labels", "ferplus")
    assert "colour must be one of" in error("--data", "faces", "--colour", "sepia", code=2)
    assert "20 folds need as many pictures" in error("--data", "faces", "--folds", 20)
    (prepared / "photos" / "grin" / "empty.jpg").write_bytes(b"")
    done = call_here("fer-train", "check", "photos", cwd=prepared, code=1)
    assert "1 bad row, left out here:" in done.stdout
    assert "empty.jpg: empty" in done.stdout
    assert "bad rows: correct them" in done.stderr
    call_here("fer-train", "check", "photos", "--skip-bad", "--sheet", "sheet.png", cwd=prepared)
    assert cv2.imread(str(prepared / "sheet.png")) is not None
