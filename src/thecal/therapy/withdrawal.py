"""Withdrawal: how likely it is, and what it asks for."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
