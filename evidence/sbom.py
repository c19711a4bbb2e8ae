"""What is installed to run thecal, as a software bill of materials: CycloneDX 1.6 from the lock, with hashes and licenses."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from evidence.lock import LOCK, Pin, read_lock

_CLASSIFIER = "License :: OSI Approved :: "


class LockError(Exception):
    """What is installed is not what the lock says; the message names the package and both versions."""


def bill(when: date, path: Path = LOCK) -> str:
    """The bill of materials as CycloneDX 1.6 JSON, checked against its schema. It is the same for the same lock and date.

    Raises LockError where another version is installed than the lock says, or none.
    """
    pins = read_lock(path)
    bom = Bom()
    bom.metadata.timestamp = datetime.combine(when, time(), UTC)
    thecal = distribution("thecal")
    root = Component(
        name="thecal", version=thecal.version, type=ComponentType.APPLICATION, bom_ref="thecal", licenses=list(_licenses(thecal))
    )
    bom.metadata.component = root
    components = {canonicalize_name(pin.name): _component(pin) for pin in pins}
    for component in components.values():
        bom.components.add(component)
    for name, component in [("thecal", root), *components.items()]:
        needed = {canonicalize_name(Requirement(text).name) for text in _needs(distribution(name))}
        bom.register_dependency(component, [components[other] for other in sorted(needed) if other in components])
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    document = json.loads(text)
    document.pop("serialNumber", None)  # it would be another one each time, for the same bill
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise LockError(f"the bill of materials does not fit its schema: {wrong}")
    return text


def _component(pin: Pin) -> Component:
    try:
        installed = distribution(pin.name)
    except PackageNotFoundError as error:
        raise LockError(f"{pin.name} {pin.version} is in the lock and not installed") from error
    if installed.version != pin.version:
        raise LockError(f"{pin.name} is {pin.version} in the lock and {installed.version} here")
    purl = PackageURL("pypi", name=canonicalize_name(pin.name), version=pin.version)
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(str(purl)),
        comment="the files that may be installed",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in pin.hashes],
    )
    return Component(
        name=pin.name,
        version=pin.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        description=_said(installed, "Summary"),
        licenses=list(_licenses(installed)),
        external_references=[files],
        properties=[Property(name="thecal:lock", value=LOCK.name)],
    )


def _licenses(installed: Distribution) -> Iterator[License]:
    """The license as the package declares it: an expression, else its classifiers, else its text's first line."""
    expression, text = _said(installed, "License-Expression"), _said(installed, "License")
    declared = LicenseAcknowledgement.DECLARED
    classifiers = [
        text.removeprefix(_CLASSIFIER) for text in installed.metadata.get_all("Classifier") or [] if text.startswith(_CLASSIFIER)
    ]
    if expression:
        yield LicenseFactory().make_from_string(expression, license_acknowledgement=declared)
    elif classifiers:
        yield from (DisjunctiveLicense(name=text, acknowledgement=declared) for text in classifiers)
    elif text:
        yield DisjunctiveLicense(name=text.splitlines()[0], acknowledgement=declared)


def _said(installed: Distribution, key: str) -> str | None:
    """A line of a package's metadata, if it has one."""
    return str(installed.metadata[key]) if key in installed.metadata else None


def _needs(installed: Distribution) -> list[str]:
    """What a package needs here, its extras left out."""
    wanted = [Requirement(text) for text in installed.requires or []]
    return [str(one) for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]


def packages(text: str) -> list[dict[str, str]]:
    """What a bill lists, for people: package, version, license, and how many files may be installed for it."""
    return [
        {
            "package": part["name"],
            "version": part["version"],
            "license": ", ".join(_named(one) for one in part.get("licenses", [])) or "not declared",
            "hashes": str(sum(len(reference["hashes"]) for reference in part["externalReferences"])),
        }
        for part in json.loads(text)["components"]
    ]


def _named(one: dict[str, Any]) -> str:
    return str(one.get("expression") or one["license"].get("id") or one["license"]["name"])
