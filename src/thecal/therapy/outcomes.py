"""Scores and what people report, over time."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
