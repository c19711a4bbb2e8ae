"""Alarms, magnetic resonance, end of service: what the device asks of people."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
