"""Settings: the numbers that rules and sessions share, each with its source and how sure we are of it."""

from collections.abc import Mapping
from functools import cache

from thecal.datum import Datum, read_data, read_datum


@cache
def settings_of(topic: str) -> Mapping[str, Datum]:
    """The numbers on a topic, by name."""
    return {name: read_datum(name, table, f"settings {topic}") for name, table in read_data("settings", topic).items()}


def setting_source(topic: str, name: str) -> str:
    """Where one of them comes from, as a refusal quotes it."""
    datum = settings_of(topic)[name]
    return f"{topic} rules, {name}, confidence {datum.confidence}: {datum.source}"


def setting_count(topic: str, name: str) -> int:
    """The whole number of one that counts: of residuals, of refills, of a needle's gauge."""
    return int(settings_of(topic)[name].value.split()[0])
