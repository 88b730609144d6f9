"""The MQTT output's address, user, password and certificate, right and wrong."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_core.errors import ArgumentError, FerError
from fer_edge.outputs.mqtt.output import MqttOutput
from fer_edge.outputs.mqtt.settings import MqttSettings
from fer_edge.outputs.stamp import Stamp
from mqtt_broker import SECRET, Broker, model, output_at, wait_until


@pytest.mark.parametrize(
    ("address", "host", "port", "tls"),
    [
        ("mqtt://homeassistant.local", "homeassistant.local", 1883, False),
        ("mqtt://10.0.0.7:1884/", "10.0.0.7", 1884, False),
        ("mqtts://broker", "broker", 8883, True),
        ("mqtts://[::1]:8884", "::1", 8884, True),
    ],
)
def test_addresses_are_read(address: str, host: str, port: int, tls: bool) -> None:
    settings = MqttSettings.of(address, "hall", "fer", SECRET)
    assert settings == MqttSettings(host, port, "hall", "fer", SECRET, tls)
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    "address",
    [
        "broker",
        "http://broker",
        "mqtt://",
        "mqtt://a:99999",
        "mqtt://a:0",
        "mqtt://a:x",
        "mqtt://a/b",
        "mqtt://a..b",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ArgumentError, match="mqtt must be") as refused:
        MqttSettings.of(address, "hall", "", "")
    assert address in str(refused.value)


def test_secrets_in_addresses_and_wrong_names_are_refused() -> None:
    with pytest.raises(ArgumentError, match="mode 0600") as refused:
        MqttSettings.of(f"mqtt://fer:{SECRET}@broker", "hall", "", "")
    assert SECRET not in str(refused.value)
    with pytest.raises(ArgumentError, match="mqtt_name must be"):
        MqttSettings.of("mqtt://broker", "the Hall", "", "")
    with pytest.raises(ArgumentError, match="needs an mqtt_user"):
        MqttSettings.of("mqtt://broker", "hall", "", SECRET)


def test_a_wrong_password_is_said_once_and_not_shown(
    broker: Broker, warnings: Callable[[], list[str]], tmp_path: Path
) -> None:
    passwords = tmp_path / "passwords"
    maker = shutil.which("mosquitto_passwd")
    if maker is None:
        pytest.skip("mosquitto_passwd is not installed: apt install mosquitto")
    subprocess.run([maker, "-b", "-c", str(passwords), "fer", "right"], check=True, timeout=5)
    broker.start("allow_anonymous false", f"password_file {passwords}")
    with output_at(broker, "fer", SECRET) as output:
        wait_until(lambda: broker.log.read_text().count("not authorised") >= 3)
    (said,) = warnings()
    assert "refuses" in said
    assert "mqtt_password" in said
    assert SECRET not in said + repr(output) + repr(output.__dict__)
    with output_at(broker, "fer", "right") as output:
        wait_until(lambda: output._online)
    assert len(warnings()) == 1


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho leaves a refused socket
def test_tls_trusts_only_what_the_system_trusts(
    broker: Broker,
    warnings: Callable[[], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    names = ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = ["openssl", *make.split(), *names, *files]
    subprocess.run(command, check=True, capture_output=True, timeout=5)
    broker.start("allow_anonymous true", f"keyfile {key}", f"certfile {certificate}")
    settings = MqttSettings.of(f"mqtts://127.0.0.1:{broker.port}", "hall", "", "")
    with MqttOutput(settings, model, Stamp("hall")):
        wait_until(lambda: len(warnings()) == 1)
    gc.collect()
    assert "certificate verify failed" in warnings()[0]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with MqttOutput(settings, model, Stamp("hall")) as output:
        wait_until(lambda: output._online)


def test_without_paho_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(FerError, match=r"pip install '\.\[mqtt\]'"):
        MqttOutput(MqttSettings("nowhere"), model, Stamp("hall"))
