"""The study that trains teachers: its networks, its views, and a dry run from end to end.

Needs PyTorch (`make studies-test`). Keras runs on it too, so both do the same arithmetic.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: make studies-test")
import keras
import teacher_views
import torch
from student_models import student_model
from student_networks import KerasNetwork
from student_training import COURSES, Bank, Course
from study_judges import Judge, Judges, probabilities
from teacher_data import pack, unpack
from teacher_networks import Pixels, multiplications
from teacher_training import Average, Learner, Recipe, rate_share, train_together
from teacher_views import FIXED_VIEWS, altered, fixed_view
from teachers import STUDENTS, TEACHERS, best_average

from drawn_faces import drawn_dataset, save_npz
from fer_core.dataset import FerDataset
from fer_core.distort import blurred, coarse, compressed
from fer_core.preprocess import normalize_pixels
from fer_train.architectures import build_model
from networks import seasoned
from votes import write_votes

EARLIER = np.full((8, 84, 7), 1 / 7, np.float16)
"""What earlier teachers say of the drawn faces to learn from, in eight views."""
STUDIES = Path(__file__).parents[2] / "train" / "studies"
RNG = np.random.default_rng(3)
GRAYS = (RNG.integers(0, 256, (5, 48, 48)) * np.linspace(0.2, 1, 5)[:, None, None]).astype(np.uint8)


@pytest.fixture(scope="module")
def drawn() -> FerDataset:
    """Drawn faces: 12, 4 and 2 a class for the three splits."""
    return drawn_dataset((12, 4, 2))


@pytest.fixture(scope="module")
def packed(drawn: FerDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn faces as teachers.py takes them."""
    folder = tmp_path_factory.mktemp("packed")
    data = save_npz(folder / "drawn.npz", drawn)
    save_npz(folder / "others.npz", drawn.only(np.arange(9)))
    votes = write_votes(folder / "fer2013new.csv", drawn)
    np.savez(folder / "earlier.npz", training=EARLIER)
    pack(data, votes, folder / "teachers.zip", [folder / "others.npz"], folder / "earlier.npz")
    return folder / "teachers.zip"


def test_the_packed_file_holds_the_pictures_exactly_and_no_test_picture(
    drawn: FerDataset, packed: Path
) -> None:
    data = unpack(packed)
    for index, part in enumerate((data.training, data.public)):
        np.testing.assert_array_equal(part.pictures, drawn.images[drawn.split == index])
        np.testing.assert_array_equal(part.labels, drawn.labels[drawn.split == index])
        np.testing.assert_allclose(part.crowd.sum(1), 1, atol=0.01)
        assert (part.crowd.argmax(1) == part.labels).mean() > 0.8
    np.testing.assert_array_equal(data.elsewhere["others"].pictures, drawn.images[:9])
    np.testing.assert_array_equal(data.elsewhere["others"].labels, drawn.labels[:9])
    assert len(unpack(packed, limit=9).training.labels) == 9
    with zipfile.ZipFile(packed) as archive:
        split = np.load(io.BytesIO(archive.read("split.npy")))
        mosaic = cv2.imdecode(np.frombuffer(archive.read("00.webp"), np.uint8), 0)
    assert sorted(set(split)) == [0, 1]
    assert not mosaic[2 * 48 :].any()  # 112 pictures fill a row and three quarters


@pytest.mark.parametrize("name", STUDENTS)
def test_a_student_answers_as_its_keras_model(name: str) -> None:
    keras.utils.set_random_seed(1)
    model = seasoned(build_model(name, (48, 48, 1), 7))
    logits = keras.Model(model.input, model.get_layer("logits").output)
    student = KerasNetwork(json.loads(model.to_json())).eval()
    student.load_keras_weights(
        {
            f"{layer.name}/{index}": weight
            for layer in model.layers
            for index, weight in enumerate(layer.get_weights())
        }
    )
    with torch.no_grad():
        said = student(torch.as_tensor(GRAYS)).numpy()
    expected = keras.ops.convert_to_numpy(logits(normalize_pixels(GRAYS[..., None])))
    differ = np.ptp(expected, axis=0).max()
    rounding = 2e-6  # of float32, where random weights hardly tell the pictures apart
    assert differ > 10 * rounding
    np.testing.assert_allclose(said, expected, rtol=0, atol=max(differ / 1000, rounding))


def test_targets_are_shared_by_label_crowd_and_earlier_teachers(packed: Path) -> None:
    data = unpack(packed)
    label = np.eye(7)[data.training.labels]
    np.testing.assert_allclose(data.training.targets(1.0), label)
    expected = 0.6 * (0.7 * label + 0.3 * data.training.crowd) + 0.4 / 7
    np.testing.assert_allclose(data.training.targets(0.7, 0.4), expected, atol=1e-3)
    with pytest.raises(ValueError, match="--earlier"):
        data.public.targets(0.7, 0.4)


def test_a_students_weights_fit_into_its_keras_model() -> None:
    model = build_model("fer-nano", (48, 48, 1), 7)
    torch.manual_seed(1)
    student = KerasNetwork(json.loads(model.to_json())).train()
    student(torch.as_tensor(GRAYS))  # statistics other than those of a fresh network
    weights = student.keras_weights()
    for layer in model.layers:
        layer.set_weights([weights[f"{layer.name}/{i}"] for i in range(len(layer.get_weights()))])
    with torch.no_grad():
        said = student.eval()(torch.as_tensor(GRAYS)).softmax(1).numpy()
    expected = keras.ops.convert_to_numpy(model(normalize_pixels(GRAYS[..., None])))
    np.testing.assert_allclose(said, expected, atol=1e-5)


def test_a_layer_that_is_not_known_is_refused_by_name() -> None:
    pixels = keras.Input((48, 48, 1))
    model = keras.Model(pixels, keras.layers.UpSampling2D(name="larger")(pixels))
    with pytest.raises(ValueError, match="larger: the layer UpSampling2D is not known"):
        KerasNetwork(json.loads(model.to_json()))


@pytest.mark.parametrize("name", TEACHERS)
def test_a_teacher_is_large_and_learns_from_every_weight(name: str) -> None:
    net = TEACHERS[name].build()
    assert 10e6 < sum(p.numel() for p in net.parameters()) < 30e6
    assert 3e8 < multiplications(net) < 3e9
    torch.manual_seed(1)
    logits = net.train()(torch.as_tensor(GRAYS))
    assert logits.shape == (5, 7)
    logits.square().sum().backward()
    assert all(p.grad.isfinite().all() and p.grad.any() for p in net.parameters())


def test_random_views_are_pictures_that_differ_and_follow_the_generator() -> None:
    faces = torch.as_tensor(drawn_dataset((1, 0, 0)).images)
    one, other, again = (altered(faces, torch.Generator().manual_seed(seed)) for seed in (1, 2, 1))
    assert one.dtype == torch.uint8
    assert one.shape == faces.shape
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_views_without_strength_are_pictures_or_their_mirror_images() -> None:
    faces = torch.as_tensor(drawn_dataset((4, 0, 0)).images)
    views = altered(faces, torch.Generator().manual_seed(1), strength=0.0)
    same, mirrored = (views == faces).all((1, 2)), (views == faces.flip(2)).all((1, 2))
    assert (same | mirrored).all()
    assert mirrored.any()
    assert not mirrored.all()


@pytest.mark.parametrize("part", ["_moved", "_lit_from_a_side", "_poor_camera", "_erased"])
def test_every_part_of_a_random_view_changes_pictures(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = torch.as_tensor(drawn_dataset((6, 0, 0)).images)
    whole = altered(faces, torch.Generator().manual_seed(1))
    monkeypatch.setattr(teacher_views, part, lambda batch, *_, **__: batch)
    assert not torch.equal(altered(faces, torch.Generator().manual_seed(1)), whole)


def test_evaluation_leaves_cudnn_on() -> None:
    class Asked(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            found.append((torch.backends.cudnn.enabled, torch.backends.cudnn.benchmark))
            return torch.zeros(len(pictures), 7)

    found: list[tuple[bool, bool]] = []
    probabilities(Asked(), torch.zeros(3, 48, 48))
    assert found == [(True, False)]


class Timed:
    """Networks in training whose epochs take the seconds that a test says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.training_set = (
            torch.zeros(8, 48, 48, dtype=torch.uint8),
            torch.full((8, 7), 1 / 7),
        )
        self.judges = Judges(Judge(self.training_set[0], torch.zeros(8, dtype=torch.int64)))

    def learner(self, name: str, seconds: list[float], optional: bool = False) -> Learner:
        """Return one whose epochs take `seconds`, the last of them again and again."""
        left = [0.0, *seconds]  # the first training_set only shows its shape

        def epoch() -> tuple[torch.Tensor, torch.Tensor]:
            self.now += left.pop(0) if len(left) > 1 else left[0]
            return self.training_set

        net = torch.nn.Sequential(Pixels(), torch.nn.Flatten(), torch.nn.Linear(48 * 48, 7))
        recipe = Recipe(batch=4, most_epochs=1000)
        return Learner(name, net, recipe, epoch, lambda line: None, optional)

    def train(self, learners: list[Learner], seconds: float, least: int = 1) -> list[Learner]:
        """Train them together for about `seconds`."""
        said: list[str] = []
        return train_together(
            learners, self.judges, seconds, said.append, least, now=lambda: self.now
        )


def test_training_ends_when_its_time_is_over() -> None:
    timed = Timed()
    (kept,) = timed.train([timed.learner("net", [0.1, 10.0])], 5.0)
    assert kept.curve[-1]["epoch"] == 2
    assert "public_accuracy" in kept.curve[-1]


def test_networks_that_may_be_left_out_are_until_enough_epochs_fit() -> None:
    timed = Timed()
    learners = [
        timed.learner("needed", [1.0]),
        timed.learner("wanted", [1.0], optional=True),
        timed.learner("also wanted", [2.0], optional=True),
    ]
    kept = timed.train(learners, 44.0, least=15)
    assert [learner.name for learner in kept] == ["needed", "wanted"]
    assert kept[0].curve[-1]["epoch"] == kept[1].curve[-1]["epoch"] == 20


def test_too_few_pictures_for_a_batch_are_refused() -> None:
    training_set = Timed().training_set
    with pytest.raises(ValueError, match="8 pictures fill no batch of 9"):
        Learner("net", torch.nn.Flatten(), Recipe(batch=9), lambda: training_set, lambda line: None)


def _bank(views: int) -> Bank:
    """Return a bank of 60 gray pictures, 54 of class 0 and 6 of class 1.

    What is said of a picture tells who says it: the ensemble class 4, labels 5, the crowd 6.
    """
    number = torch.arange(views, dtype=torch.uint8)[:, None, None, None]
    said = [torch.eye(7)[who].expand(views, 60, 7) for who in (4, 5, 6)]
    classes = (torch.arange(60) >= 54).long()
    return Bank(number.expand(views, 60, 48, 48), *said, classes)


def test_a_course_shares_the_targets_out() -> None:
    _, targets = _bank(2).epoch(Course(ensemble_share=0.5, label_share=0.8))
    np.testing.assert_allclose(targets[0, 4:].numpy(), [0.5, 0.4, 0.1], atol=1e-6)


def test_unblended_courses_take_every_second_view() -> None:
    torch.manual_seed(1)
    pictures, _ = _bank(4).epoch(COURSES["unblended"])
    assert set(pictures[:, 0, 0].tolist()) == {0, 2}
    pictures, _ = _bank(4).epoch(COURSES["main"])
    assert set(pictures[:, 0, 0].tolist()) == {0, 1, 2, 3}


def test_a_balanced_course_shows_rare_classes_more_often() -> None:
    torch.manual_seed(1)
    bank = _bank(1)
    told = Bank(bank.pictures, torch.eye(7)[bank.classes][None], *[bank.labels] * 2, bank.classes)
    shown = [
        sum(float(told.epoch(Course(1.0, 1.0, strength))[1][:, 1].sum()) for _ in range(50))
        for strength in (0.0, 0.5, 1.0)
    ]
    np.testing.assert_allclose(np.array(shown) / 3000, [0.1, 0.25, 0.5], atol=0.03)


def test_balanced_accuracy_counts_every_class_that_is_present_once() -> None:
    judge = Judge(torch.zeros(4, 48, 48), torch.tensor([0, 0, 0, 2]))
    said = torch.eye(7)[torch.tensor([0, 0, 1, 1])]
    assert judge.accuracy(said) == pytest.approx(0.5)
    assert judge.balanced(said) == pytest.approx((2 / 3 + 0) / 2)


def test_fixed_views_turn_mirror_and_shrink() -> None:
    spot = torch.zeros(1, 48, 48, dtype=torch.uint8)
    spot[0, 4:8, 22:26] = 255  # above the center
    plain, clockwise, other_way, smaller = (fixed_view(spot, view)[0] for view in FIXED_VIEWS[:4])
    assert torch.equal(plain, spot[0])
    columns = [float((view.float().sum(0) * torch.arange(48)).sum() / view.float().sum())
               for view in (clockwise, other_way)]  # fmt: skip
    assert sorted(round(abs(column - 23.5)) for column in columns) == [4, 4]  # 18 px x sin 12
    assert (columns[0] - 23.5) * (columns[1] - 23.5) < 0
    assert smaller.float().argmax() // 48 > 5
    face = torch.as_tensor(GRAYS)
    assert torch.equal(fixed_view(face, FIXED_VIEWS[4]), face.flip(2))


def test_poor_cameras_are_those_of_fer_core() -> None:
    faces = drawn_dataset((1, 0, 0)).images
    batch = torch.as_tensor(faces).float()
    blur = teacher_views._blur_matrices(torch.full((len(faces),), 1.5), 48)
    few = teacher_views._coarse_matrices(48, torch.device("cpu"))[31]
    for ours, theirs, bound in (
        (blur @ batch @ blur.mT, lambda face: blurred(face, 1.5), 1.0),
        (few @ batch @ few.T, lambda face: coarse(face, 31), 0.5),
        (
            teacher_views._compressed(batch, torch.full((len(faces),), 20.0)),
            lambda f: compressed(f, 20),
            1.0,
        ),
    ):
        expected = np.stack([theirs(face[..., None])[..., 0] for face in faces])
        changed = np.abs(expected.astype(float) - faces).mean()
        assert np.abs(ours.numpy() - expected).mean() < min(bound, changed / 4)


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    shares = [rate_share(progress, 0.1) for progress in (0.0, 0.05, 0.1, 0.55, 1.0)]
    np.testing.assert_allclose(shares, [0, 0.5, 1, 0.5, 0], atol=1e-9)


def test_the_best_average_leaves_out_who_makes_it_worse() -> None:
    judge = Judge(torch.zeros(4, 48, 48), torch.tensor([0, 1, 0, 1]))
    right, wrong = torch.tensor([0.9, 0.1]), torch.tensor([0.2, 0.8])
    first = torch.stack([right, right.flip(0), right, torch.tensor([0.6, 0.4])])
    second = torch.stack([torch.tensor([0.4, 0.6]), right.flip(0), right, right.flip(0)])
    third = torch.stack([wrong, wrong.flip(0), wrong, wrong.flip(0)])
    chosen, accuracy = best_average({"third": third, "first": first, "second": second}, judge)
    assert (set(chosen), accuracy) == ({"first", "second"}, 1.0)


def test_the_average_follows_weights_and_statistics() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.BatchNorm1d(1))
    with torch.no_grad():
        net[0].weight.fill_(0.0)
        average = Average(net, 0.998)
        net[0].weight.fill_(1.0)
        net[1].running_mean.fill_(1.0)
        average.update()
        assert average.net[0].weight.item() == pytest.approx(0.9)
        for _ in range(400):
            average.update()
    assert average.net[0].weight.item() == pytest.approx(1.0, abs=0.05)
    assert average.net[1].running_mean.item() == pytest.approx(1.0, abs=0.05)


def test_a_dry_run_writes_everything_and_goes_on_from_kept_teachers(
    packed: Path, tmp_path: Path
) -> None:
    def run(out: str, courses: Sequence[str], students: Sequence[str]) -> str:
        arguments = ["--out", tmp_path / out, "--tiny", "--keep", tmp_path / "kept"]
        arguments += ["--minutes", "600"]  # for want of time it would leave networks out
        chosen = ["--teachers", "vgg", "vgg-earlier", "--courses", *courses]
        chosen += ["--students", *students]
        command = [sys.executable, STUDIES / "teachers.py", packed, *arguments, *chosen]
        return subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, check=True
        ).stdout

    courses = ("crowd", "mild-free")
    run("one", courses, STUDENTS)
    report = json.loads((tmp_path / "one" / "report.json").read_text())
    assert [(row["name"], row["epoch"]) for row in report["teachers"]] == [
        ("vgg", 2),
        ("vgg-earlier", 2),
    ]
    assert 0 <= report["averages"][-1]["others"] <= 1
    assert set(report["averages"][-1]["teachers"]) <= {"vgg", "vgg-earlier"}
    taught = [(row["network"], row["course"]) for row in report["students"]]
    assert taught == [(name, course) for course in courses for name in STUDENTS]
    assert report["bank_views"] == {"strength 1": 2, "strength 0.5": 2}
    told = report["soft_labels"][-1]
    with np.load(tmp_path / "one" / "soft-labels.npz") as soft:
        public = unpack(packed, limit=16).public.labels
        assert told["public_accuracy"] == pytest.approx(
            (soft["public"].astype(float).mean(0).argmax(1) == public).mean(), abs=1e-4
        )
        assert list(soft["teachers"]) == told["teachers"]
        assert soft["training"].shape == (8, 16, 7)
        assert soft["public"].shape == (8, 16, 7)
        assert soft["training"].dtype == np.float16
        np.testing.assert_allclose(soft["training"].astype(float).sum(2), 1, atol=0.02)
    weights = tmp_path / "one" / "students-crowd.npz"
    model = student_model(weights, "fer-nano")
    student = KerasNetwork(unpack(packed).students["fer-nano"]).eval()
    with np.load(weights) as held:
        student.load_keras_weights(
            {name.removeprefix("fer-nano/"): held[name] for name in held if "fer-nano/" in name}
        )
    with torch.no_grad():
        said = student(torch.as_tensor(GRAYS)).softmax(1).numpy()
    expected = keras.ops.convert_to_numpy(model(normalize_pixels(GRAYS[..., None])))
    np.testing.assert_allclose(said, expected, atol=1e-5)
    assert run("two", courses, []).count("was trained before") == 2
