"""Refills: what is due, what is unbooked, and what a residual asks for."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
