"""Safety: what holds for every order."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
