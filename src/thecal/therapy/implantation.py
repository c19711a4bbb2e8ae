"""The implant: what must be known, consented and at hand, and what follows it."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
