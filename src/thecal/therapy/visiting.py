"""Visits, people and the emergency plan: cadence, certificates, deputies."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
