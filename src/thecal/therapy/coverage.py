"""Coverage: what a payer asks for, and which papers are missing."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
