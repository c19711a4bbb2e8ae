"""Side effects and lost function after a change."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
