"""The pump's stored memory: what was written, its checksum, and what follows when a bit of it flips."""

from binascii import crc32
from dataclasses import replace
from hashlib import sha256

from thecal.pump.alarms import CRITICAL_MEMORY, OTHER_MEMORY
from thecal.pump.messages import Event, MemoryCorruption
from thecal.pump.program import SafeState
from thecal.pump.sheet import PumpSheet
from thecal.pump.state import Count, Memory, Settings, Signals
from thecal.timeline import Instant


def image(stored: object) -> bytes:
    """The canonical bytes of what is stored or sent: every field by name, in order."""
    return repr(stored).encode()


def checksum(stored: Settings | tuple[Event, ...]) -> int:
    """CRC-32 of the stored bytes, written beside them."""
    return crc32(image(stored))


def digest(sent: object) -> str:
    """Sixteen hex digits of the SHA-256 of what was sent, by which both sides name it."""
    return sha256(image(sent)).hexdigest()[:16]


def token(memory: Memory) -> str:
    """The name of what is written in the pump: another one after every write, bolus and loss of settings, and in every pump."""
    bolus = memory.bolus and (memory.bolus.mode, memory.bolus.start)
    return digest((memory.link.writes, memory.settings, bolus))


def flipped(stored: bytes, bit: int) -> bytes:
    """The bytes with one bit flipped; ``bit`` counts on from the start when it is past the end."""
    place, mask = bit // 8 % len(stored), 1 << bit % 8
    return stored[:place] + bytes([stored[place] ^ mask]) + stored[place + 1 :]


def corrupted(memory: Memory, fault: MemoryCorruption, sheet: PumpSheet, now: Instant) -> tuple[Memory, tuple[Event, ...]]:
    """The memory after a bit has flipped and the self-test has compared the checksum: nothing of a bad part is used again."""
    signals = memory.signals
    part = memory.settings if fault.part == "settings" else signals.log
    if crc32(flipped(image(part), fault.bit)) == checksum(part):
        return memory, ()
    if fault.part == "settings":
        return in_safe_state(memory, CRITICAL_MEMORY, sheet), ()
    cleared = replace(signals, log=(), latched=latched(signals, OTHER_MEMORY))
    text = f"{len(signals.log)} entries were lost, {signals.logged} had been written"
    return replace(memory, signals=cleared), (Event(now, "event log cleared", "information", text),)


def in_safe_state(memory: Memory, alarm: str, sheet: PumpSheet) -> Memory:
    """The settings are lost, and a session with them: safe state, with an alarm that only a new program ends.

    The clock and the counters go on.
    """
    settings = Settings(memory.settings.clock, SafeState(), None, None, sheet.low_reservoir_threshold.nl)
    count = Count(None, memory.count.carry, memory.count.pumped_nl)
    signals = replace(memory.signals, latched=latched(memory.signals, alarm))
    return replace(memory, settings=settings, hold=None, count=count, signals=signals)


def latched(signals: Signals, alarm: str) -> tuple[str, ...]:
    """The latched alarms with one more."""
    return signals.latched if alarm in signals.latched else (*signals.latched, alarm)
