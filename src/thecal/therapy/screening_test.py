"""The screening test: whether it may be done, with which dose, and what it showed."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
