"""Loss of effect on a dose that was stable, or too much of it: step by step to pump, catheter or disease."""

from thecal.therapy.look import Checks

CHECKS: Checks = {}
