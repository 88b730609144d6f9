"""What the settings say of this device's name, the address of its page, and the broker."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fer_edge.outputs.stamp import own_name
from fer_edge.session.config import EdgeConfig

if TYPE_CHECKING:
    from fer_edge.outputs.clips.folder import ClipFolder
    from fer_edge.outputs.mqtt.pictures import SharedPictures
    from fer_edge.outputs.mqtt.settings import MqttSettings
    from fer_edge.page.access import Access


def device_name(config: EdgeConfig) -> str:
    """Return what this device is called: two at one broker must not share a name."""
    return config.mqtt_name or own_name()


def mqtt_settings(config: EdgeConfig) -> MqttSettings:
    """Return where the broker is.

    Raises:
        ArgumentError: The settings are wrong.
    """
    from fer_edge.outputs.mqtt.settings import MqttSettings

    name = device_name(config)
    return MqttSettings.of(config.mqtt, name, config.mqtt_user, config.mqtt_password)


def shared_pictures(config: EdgeConfig, clips: ClipFolder | None) -> SharedPictures:
    """Return what the broker is told of pictures and clips.

    Args:
        config: The settings.
        clips: Where clips lie, None where none are written.
    """
    from fer_edge.outputs.mqtt.pictures import SharedPictures

    newest = clips.newest if clips and config.mqtt_clips else None
    page = ""
    if newest and config.serve and config.serve_video:
        address = page_access(config).address
        page = "" if address.is_loopback else address.urls[0]
    return SharedPictures(config.mqtt_pictures, newest, page)


def page_access(config: EdgeConfig) -> Access:
    """Return where the page is and who may look.

    Raises:
        ArgumentError: The settings are wrong.
    """
    from fer_edge.page.access import Access, ServeAddress

    address = replace(ServeAddress.of(config.serve), https=config.https)
    return Access(address, config.token)


def require_addresses(config: EdgeConfig) -> Access | None:
    """Return who may look at the page, None without one, and check broker and key.

    Nothing is opened yet, and no address of this computer is looked up.

    Raises:
        ArgumentError: The settings are wrong.
    """
    if config.mqtt:
        mqtt_settings(config)
    if config.fleet_key:
        from fer_edge.deployment.signing.keys import check_public_key

        check_public_key(config.fleet_key)
    return page_access(config) if config.serve else None


def check_addresses(config: EdgeConfig) -> str:
    """Return the address of the page, empty for none.

    Raises:
        ArgumentError: The settings are wrong.
    """
    access = require_addresses(config)
    return access.address.url if access else ""
