"""What happens to a pump that nobody ordered."""

from dataclasses import replace

from thecal.pump.messages import Fault
from thecal.pump.state import PumpState, true_flow


def disturb(state: PumpState, fault: Fault) -> PumpState:
    """The pump after a fault. Its memory does not notice."""
    gain_ppm = fault.gain.ppm
    drive = true_flow(state.memory.pattern, gain_ppm)
    return replace(state, mechanics=replace(state.mechanics, gain_ppm=gain_ppm, drive=drive))
