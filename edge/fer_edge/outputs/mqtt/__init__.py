"""MQTT: what a broker is told, Home Assistant, and what a device reads from it."""
