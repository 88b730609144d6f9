import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fer_core import cores
from fer_core.settings import load_settings
from fer_train import device
from fer_train.config import TrainConfig
from fer_train.device import Device, choose_backend, this_device, threads_of_this_process
from fer_train.shipped import shipped

AUTO = TrainConfig(precision="auto")


@pytest.mark.parametrize(
    ("jax_for_gpu", "gpu", "chosen", "becomes"),
    [
        (True, True, "", "jax"),
        (True, False, "", ""),
        (False, True, "", ""),
        (True, True, "torch", "torch"),
    ],
)
def test_jax_is_chosen_where_it_reaches_a_gpu_and_nobody_chose(
    monkeypatch: pytest.MonkeyPatch, jax_for_gpu: bool, gpu: bool, chosen: str, becomes: str
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", chosen)
    if not chosen:
        monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setattr(device, "has_jax_for_gpu", lambda: jax_for_gpu)
    monkeypatch.setattr(device.shutil, "which", lambda name: "/usr/bin/" + name if gpu else None)
    choose_backend()
    assert device.os.environ.get("KERAS_BACKEND", "") == becomes


@pytest.mark.parametrize(("share", "threads"), [("1", 1), ("3", 3), ("", 4), ("0", 4), ("2,1", 4)])
def test_a_job_uses_its_share_of_the_cores(
    monkeypatch: pytest.MonkeyPatch, share: str, threads: int
) -> None:
    monkeypatch.setattr(device, "usable_cores", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", share)
    assert threads_of_this_process() == threads


def test_auto_is_bfloat16_where_the_device_multiplies_it() -> None:
    new, old = Device("jax", "NVIDIA H100", bfloat16=True), Device("jax", "Tesla T4")
    assert [each.fitting(AUTO).precision for each in (new, old)] == ["bfloat16", "float32"]
    assert old.fitting(TrainConfig(precision="bfloat16")).precision == "bfloat16"
    assert new.computing("bfloat16") == "on NVIDIA H100 with jax, bfloat16"
    assert old.computing("float32") == "on Tesla T4 with jax, float32"
    assert 'may be slow on this device: precision = "auto"' in old.computing("bfloat16")
    rounding = TrainConfig(precision="auto", qat=True, init="fer-nano")
    assert new.fitting(rounding).precision == "float32"
    assert new.text() == "NVIDIA H100 with jax"


@pytest.mark.parametrize(
    ("cpuinfo", "precision"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 sha_ni\n", "bfloat16"),
        ("flags\t\t: fpu amx_bf16\n", "bfloat16"),
        ("flags\t\t: fpu avx2 fma\n", "float32"),
        ("Features\t: fp asimd bf16\n", "float32"),
        (None, "float32"),
    ],
)
def test_this_computer_without_a_gpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cpuinfo: str | None, precision: str
) -> None:
    monkeypatch.setattr(cores, "CPUINFO", tmp_path / "cpuinfo")
    if cpuinfo:
        (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert this_device() == Device("tensorflow", bfloat16=precision == "bfloat16")
    assert this_device().text() == "CPU with tensorflow"
    assert this_device().fitting(AUTO).precision == precision


def test_the_recipes_of_shipped_networks_take_the_precision_that_is_fast() -> None:
    for file in shipped("configs").glob("*.toml"):
        assert load_settings(TrainConfig, file, {}).precision == "auto", file.name


def test_each_backend_names_its_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    h100 = SimpleNamespace(platform="gpu", device_kind="NVIDIA H100", compute_capability="9.0")
    cuda = SimpleNamespace(
        is_available=lambda: True,
        get_device_name=lambda: "NVIDIA A100",
        get_device_capability=lambda: (8, 0),
    )
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(devices=lambda: [h100]))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert device._of_jax() == ("NVIDIA H100", 9.0)
    assert device._of_torch() == ("NVIDIA A100", 8.0)
    h100.platform = "cpu"
    cuda.is_available = lambda: False
    assert device._of_jax() == device._of_torch() == ("", 0.0)
