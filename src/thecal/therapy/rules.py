"""Rules: the numbers of the therapy, each with its source and how sure we are of it."""

from collections.abc import Mapping
from functools import cache

from thecal.datum import Datum, read_data, read_datum


@cache
def rules(topic: str) -> Mapping[str, Datum]:
    """The numbers of the rules on a topic, by name."""
    return {name: read_datum(name, table, f"rules {topic}") for name, table in read_data("rules", topic).items()}


def rule_source(topic: str, name: str) -> str:
    """Where one of them comes from, as a refusal quotes it."""
    datum = rules(topic)[name]
    return f"{topic} rules, {name}, confidence {datum.confidence}: {datum.source}"


def rule_count(topic: str, name: str) -> int:
    """The whole number of one that counts: of residuals, of refills, of a needle's gauge."""
    return int(rules(topic)[name].value.split()[0])
