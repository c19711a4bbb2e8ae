"""The other drugs and measures against spasticity."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
