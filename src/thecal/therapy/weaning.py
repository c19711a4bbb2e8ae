"""Weaning: nothing is stopped at once, and one drug at a time."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
