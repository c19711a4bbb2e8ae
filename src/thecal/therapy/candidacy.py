"""Candidacy: who may be helped by a pump, who not, and by which way."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
