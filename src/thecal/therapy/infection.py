"""Infection of wound, pocket and spinal fluid."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
