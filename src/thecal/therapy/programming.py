"""Maintenance: what a program may change once the dose is stable."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
