"""Interactions and restrictions."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
