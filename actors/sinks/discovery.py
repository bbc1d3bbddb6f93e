"""What Home Assistant is told of a device: one message for all of its entities.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload (device, origin and components are required,
and of each component its platform and unique_id).
"""

from __future__ import annotations

from typing import Any


def discovery(device: str, topic: str, version: str) -> dict[str, Any]:
    """The payload for `PREFIX/device/sleevesight_DEVICE/config`; `topic` is what the device's topics begin with."""
    own = f"sleevesight_{device}"
    return {
        "device": {
            "identifiers": [own],
            "name": f"Sleevesight {device}",
            "manufacturer": "Sleevesight",
            "model": "Card reader",
            "sw_version": version,
        },
        "origin": {"name": "sleevesight", "sw_version": version},
        "availability_topic": f"{topic}/availability",
        "payload_available": "online",
        "payload_not_available": "offline",
        "qos": 1,
        "components": {
            name: {"unique_id": f"{own}_{name}", **entity}
            for name, entity in {**_cards(topic), **_health(topic)}.items()
        },
    }


def _cards(topic: str) -> dict[str, dict[str, Any]]:
    fields = ("card_id", "name", "set_name", "number", "distance")
    event = ", ".join(["'event_type': v.event", "'id': value_json.id", *(f"'{key}': v.{key}" for key in fields)])
    return {
        "visit": {
            "platform": "event",
            "name": "Visit",
            "icon": "mdi:cards-playing",
            "state_topic": f"{topic}/visits",
            "event_types": ["confirmed", "ended"],
            "value_template": f"{{% set v = value_json.visit %}}{{{{ {{{event}}} | to_json }}}}",
        },
        "cards": {
            "platform": "sensor",
            "name": "Cards",
            "icon": "mdi:cards",
            "state_topic": f"{topic}/cards",
            "state_class": "measurement",
            "value_template": "{{ value_json.count }}",
            "json_attributes_topic": f"{topic}/cards",
        },
    }


def _health(topic: str) -> dict[str, dict[str, Any]]:
    health = {"state_topic": f"{topic}/health", "entity_category": "diagnostic"}
    total = {**health, "platform": "sensor", "state_class": "total_increasing"}
    now = {**health, "platform": "sensor", "state_class": "measurement"}
    return {
        "problem": {
            **health,
            "platform": "binary_sensor",
            "name": "Problem",
            "device_class": "problem",
            "value_template": "{{ 'OFF' if value_json.ok else 'ON' }}",
            "json_attributes_topic": f"{topic}/health",
        },
        "frames": {**total, "name": "Frames", "value_template": "{{ value_json.frames }}"},
        "dropped": {**total, "name": "Dropped", "value_template": "{{ value_json.dropped }}"},
        "waiting": {**now, "name": "Waiting", "value_template": "{{ value_json.waiting }}"},
    }
