"""Oral baclofen: how fast, how much, for which kidneys, in which form."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
