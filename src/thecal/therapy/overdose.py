"""Overdose: what it looks like, and what is done first."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
