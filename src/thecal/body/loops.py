"""A patient at a time through a span: the equations of the march as compiled loops."""

from typing import NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from thecal.body.cascade import BLOOD
from thecal.body.jit import compiled, inside
from thecal.body.march import FADED
from thecal.body.plan import LoopBody, Plan

Floats = NDArray[np.float64]

_TERMS = 18  # as the chain module
_NEAR = 0.5
_GONE = 1e-30
_GROUP = 8
_SIDE_BY_SIDE = 64


class _Work(NamedTuple):
    """Room for the steps and sights of one patient. What is in modes and links stands in one row, links last.

    Of each step: what is left of what decays on its own (``decay``; 0 for links), what every link takes from all (``taken``), and
    what a flow leaves (``given``). Of each sight: what a unit shows (``show``), and what a flow does (``flows``).
    """

    decay: Floats
    taken: Floats
    given: Floats
    show: Floats
    flows: Floats
    spare: Floats
    seen: Floats


@inside()
def _workroom(steps: int, sights: int, size: int, links: int, sources: int, wide: int) -> _Work:
    return _Work(
        np.zeros((steps, size)),
        np.zeros((steps, links, size)),
        np.zeros((steps, sources, size)),
        np.zeros((sights, size, wide)),
        np.zeros((sights, sources, wide)),
        np.zeros((4, size)),
        np.zeros(wide),
    )


@compiled(parallel=True)
def through(
    plan: Plan, body: LoopBody, contents: Floats, values: Floats, least: Floats, most: Floats, low: int, first: int
) -> None:
    """Every patient through the span of a plan: ``contents`` become those at its end, what is seen goes into ``values``
    (channels, patients, times) from patient ``low`` and instant ``first`` on, its bounds into ``least`` and ``most``.
    """
    for group in prange((len(contents) + _GROUP - 1) // _GROUP):
        _several(plan, body, contents, values, least, most, low, first, group * _GROUP)


@inside()
def _several(
    plan: Plan, body: LoopBody, contents: Floats, values: Floats, least: Floats, most: Floats, low: int, first: int, begin: int
) -> None:
    """Some patients, one after another in the same room."""
    size, links = contents.shape[1], body.link_rate.shape[1]
    work = _workroom(
        len(plan.hours), len(plan.kinds), (size + 3) // 4 * 4, links, plan.flows.shape[2], len(values) * plan.parts_max
    )
    columns, bounds = np.empty((size if plan.times > 1 else 0, len(values), plan.rows)), np.empty((2, _SIDE_BY_SIDE))
    for patient in range(begin, min(len(contents), begin + _GROUP)):
        for number in range(len(plan.hours)):
            _step(plan.hours[number], number, body, work, patient, size - links)
        for number in range(len(plan.kinds)):
            _sight(plan.kinds[number, 0], plan.kinds[number, 1], number, body, work, patient, size - links)
        column = low + patient
        _days(plan, body, work, patient, contents[patient], columns, values, column, first)
        for c in range(len(values) if plan.rows else 0):
            nothing = _bound(values[c, column, first : first + plan.times * plan.rows], bounds[0], bounds[1])
            least[c, column] = min(least[c, column], bounds[0, 0]) + nothing
            most[c, column] = max(most[c, column], bounds[1, 0]) + nothing


@inside()
def _days(
    plan: Plan,
    body: LoopBody,
    work: _Work,
    patient: int,
    contents: Floats,
    columns: Floats,
    values: Floats,
    column: int,
    first: int,
) -> None:
    """The first time; then what a time leaves in an empty body, and from it the steady one; then the others."""
    size, modes = len(contents), len(contents) - body.link_rate.shape[1]
    z, apart = work.spare[2], work.spare[3]
    for j in range(size):
        z[j] = contents[j]
    for lap in range(3 if plan.times > 1 else 1):
        _lap(plan, body, work, patient, z, values, column, -1 if lap == 1 else first + (plan.rows if lap else 0))
        if lap == 0:
            for j in range(size):
                apart[j] = z[j]
                z[j] = 0.0 if plan.times > 1 else z[j]
        elif lap == 1:
            _settle(work.decay[plan.once], work.taken[plan.once], z, modes)
    if plan.times > 1:
        for j in range(size):
            apart[j] -= z[j]
            contents[j] = apart[j]
        _fade(plan, work, apart, modes, columns, values, column, first + plan.rows)
        for j in range(size):
            apart[j] = contents[j]
        _left(apart, work.decay[plan.rest], work.taken[plan.rest], modes)
        for j in range(size):
            z[j] += apart[j]
    for j in range(size):
        contents[j] = z[j]


@inside()
def _lap(plan: Plan, body: LoopBody, work: _Work, patient: int, z: Floats, values: Floats, column: int, first: int) -> None:
    """Once through the pieces; with ``first`` below 0 nothing is looked at."""
    row, modes = first, body.modes
    flowing, giving = patient % plan.flows.shape[1], patient % plan.given.shape[1]
    for n in range(len(plan.pieces)):
        at, parts, kind = plan.pieces[n, 0], plan.pieces[n, 1], plan.pieces[n, 2]
        if plan.gets[n]:
            for q in range(plan.given.shape[2]):
                for j in range(modes):
                    z[j] += plan.given[n, giving, q] * body.given[patient, q, j]
        if kind >= 0 and first >= 0:
            seen, show = work.seen[: len(values) * parts], work.show[kind]
            for w in range(len(seen)):
                seen[w] = 0.0
            for q in range(plan.flows.shape[2]):
                for w in range(len(seen)):
                    seen[w] += plan.flows[n, flowing, q] * work.flows[kind, q, w]
            for j in range(0, len(z), 4):
                _add(seen, z[j : j + 4], show[j], show[j + 1], show[j + 2], show[j + 3])
            for c in range(len(values)):
                _put(values[c, column, row : row + parts], seen[c * parts : (c + 1) * parts])
            row += parts
        _left(z, work.decay[at], work.taken[at], modes)
        for q in range(plan.flows.shape[2]):
            for j in range(len(z)):
                z[j] += plan.flows[n, flowing, q] * work.given[at, q, j]


@inside()
def _put(out: Floats, values: Floats) -> None:
    for w in range(len(out)):
        out[w] = values[w]


@inside()
def _add(out: Floats, amounts: Floats, one: Floats, two: Floats, three: Floats, four: Floats) -> None:
    """Add four rows, each so many times."""
    a, b, c, d = amounts[0], amounts[1], amounts[2], amounts[3]
    for w in range(len(out)):
        out[w] += a * one[w] + b * two[w] + c * three[w] + d * four[w]


@inside()
def _left(z: Floats, decay: Floats, taken: Floats, modes: int) -> None:
    """One step without input. Links follow each other only upwards, so that the last is done first."""
    for k in range(len(taken) - 1, -1, -1):
        total = 0.0
        for j in range(len(z)):
            total += taken[k, j] * z[j]
        z[modes + k] = total
    for j in range(modes):
        z[j] *= decay[j]


@inside()
def _chain2(a: float, b: float, left_a: float, left_b: float, hours: float) -> float:
    """As the chain module, given what is left after each step alone."""
    gap = abs(b - a)
    if gap * hours > _NEAR:
        return (left_a - left_b) / (b - a)
    return max(left_a, left_b) * (-np.expm1(-gap * hours) / gap if gap > 0.0 else hours)


@inside()
def _chain3(a: float, b: float, c: float, hours: float) -> float:
    """As the chain module."""
    low, high = min(a, b, c), max(a, b, c)
    mid = max(min(a, b), min(max(a, b), c))
    if (high - low) * hours > 1.0:
        at = np.exp(-mid * hours)
        below = _chain2(low, mid, np.exp(-low * hours), at, hours)
        apart: float = (below - _chain2(mid, high, at, np.exp(-high * hours), hours)) / (high - low)
        return apart
    first, last = (mid - low) * hours, (high - low) * hours
    term, power, total, factorial = 1.0, 1.0, 0.0, 2.0
    for k in range(_TERMS):
        total += term / factorial
        power *= -first
        term = power - term * last
        factorial *= k + 3
    near: float = np.exp(-low * hours) * hours * hours * total
    return near


@inside()
def _step(hours: float, at: int, body: LoopBody, work: _Work, patient: int, modes: int) -> None:
    """One step, into its place."""
    decay, taken, given, filled, through = work.decay[at], work.taken[at], work.given[at], work.spare[0], work.spare[1]
    rate, link_rate, feed, source = body.rate[patient], body.link_rate[patient], body.feed[patient], body.given[patient]
    for j in range(modes):
        decay[j] = np.exp(-rate[j] * hours)
        filled[j] = (1.0 - decay[j] if rate[j] * hours > _NEAR else -np.expm1(-rate[j] * hours)) / rate[j]
    for q in range(len(given)):
        for j in range(modes):
            given[q, j] = source[q, j] * filled[j]
    for k in range(len(link_rate)):
        b = link_rate[k]
        left, held = np.exp(-b * hours), -np.expm1(-b * hours) / b
        for j in range(modes):
            through[j] = (decay[j] - left) / (b - rate[j])
        for j in range(modes):
            if abs(b - rate[j]) * hours <= _NEAR:
                through[j] = _chain2(rate[j], b, decay[j], left, hours)
        for j in range(modes):
            taken[k, j] = feed[k, j] * through[j]
            through[j] = feed[k, j] * ((filled[j] if rate[j] < b else held) - through[j]) / max(rate[j], b)
        for q in range(len(given)):
            total = 0.0
            for j in range(modes):
                total += source[q, j] * through[j]
            given[q, modes + k] = total
        for i in range(k):
            a = link_rate[i]
            taken[k, modes + i] = body.between[patient, k, i] * _chain2(a, b, np.exp(-a * hours), left, hours)
        taken[k, modes + k] = left
        if body.gut and k >= body.first_site:
            for i in range(BLOOD, 2 * BLOOD):
                fed = feed[i, modes - 1] * body.between[patient, k, i]
                taken[k, modes - 1] += fed * _chain3(rate[modes - 1], link_rate[i], b, hours)


@inside()
def _sight(step: int, parts: int, at: int, body: LoopBody, work: _Work, patient: int, modes: int) -> None:
    """One sight, into its place; backwards, as :class:`thecal.body.march.Sight`."""
    decay, taken, given, show, flows = work.decay[step], work.taken[step], work.given[step], work.show[at], work.flows[at]
    size, z, later = len(decay), work.spare[0], work.spare[1]
    for c in range(body.reads.shape[1]):
        for j in range(size):
            z[j] = body.reads[patient, c, j] if j < body.reads.shape[2] else 0.0
        for w in range(c * parts, (c + 1) * parts):
            for q in range(len(given)):
                total = flows[q, w - 1] if w > c * parts else 0.0
                for j in range(size):
                    total += z[j] * given[q, j]
                flows[q, w] = total
            for j in range(size):
                later[j] = z[j] * decay[j]
            for k in range(len(taken)):
                for j in range(size):
                    later[j] += z[modes + k] * taken[k, j]
            for j in range(size):
                z[j] = later[j]
                show[j, w] = later[j]


@inside()
def _settle(decay: Floats, taken: Floats, z: Floats, modes: int) -> None:
    """From what a time leaves in an empty body to what it leaves as it was."""
    for j in range(modes):
        z[j] /= 1.0 - decay[j]
    for k in range(len(taken)):
        gained, total = z[modes + k], 0.0
        z[modes + k] = 0.0
        for j in range(len(z)):
            total += taken[k, j] * z[j]
        z[modes + k] = (gained + total) / (1.0 - taken[k, modes + k])


@inside()
def _fade(plan: Plan, work: _Work, z: Floats, modes: int, columns: Floats, values: Floats, column: int, first: int) -> None:
    """The steady day again and again, with what is left of a difference to it added."""
    rows, channels, count, largest = plan.rows, len(values), 0, 0.0
    day, least = np.empty((channels, rows)), np.empty(channels)
    for c in range(channels):
        _put(day[c], values[c, column, first : first + rows])
        least[c] = FADED * _size(day[c]) / max(rows, 1)  # of a mean: no more than of the maximum
    lanes, peak = np.empty(len(z), np.int64), np.zeros((len(z), channels))
    for j in range(modes):
        largest = max(largest, abs(z[j]))
    for j in range(columns.shape[0]):
        if j >= modes or abs(z[j]) > _GONE * largest:
            lanes[count] = j
            _column(plan, work, j, modes, columns[count])
            for c in range(channels):
                peak[count, c] = _size(columns[count, c])  # no less than its maximum
            count += 1
    alive, amount = np.zeros(count + 3, np.int64), np.zeros(count + 3)
    for number in range(plan.times - 1):
        row, living = first + number * rows, 0
        for n in range(count):
            here = False
            for c in range(channels):
                here = here or abs(z[lanes[n]]) * peak[n, c] > least[c]
            if here:
                alive[living], amount[living] = n, z[lanes[n]]
                living += 1
        for n in range(living, living + 3):
            alive[n], amount[n] = 0, 0.0
        for c in range(channels):
            out = values[c, column, row : row + rows]
            _put(out, day[c])
            for n in range(0, living, 4):
                one, two, three, four = alive[n], alive[n + 1], alive[n + 2], alive[n + 3]
                _add(out, amount[n : n + 4], columns[one, c], columns[two, c], columns[three, c], columns[four, c])
        if living:
            _left(z, work.decay[plan.once], work.taken[plan.once], modes)


@inside()
def _size(row: Floats) -> float:
    total = 0.0
    for w in range(len(row)):
        total += abs(row[w])
    return total


@inside()
def _column(plan: Plan, work: _Work, lane: int, modes: int, out: Floats) -> None:
    """What a unit in one mode or link shows in a day without input."""
    links, held, mode, row, s = work.taken.shape[1], 1.0 if lane < modes else 0.0, min(lane, modes - 1), 0, work.spare[0]
    for k in range(len(s)):
        s[k] = 1.0 if lane == modes + k else 0.0
    for n in range(len(plan.pieces)):
        at, parts, kind = plan.pieces[n, 0], plan.pieces[n, 1], plan.pieces[n, 2]
        if kind >= 0:
            seen, show = work.seen[: len(out) * parts], work.show[kind]
            for w in range(len(seen)):
                seen[w] = held * show[mode, w]
            for k in range(0, links, 4):
                one, two, three, four = (
                    modes + k,
                    modes + min(k + 1, links - 1),
                    modes + min(k + 2, links - 1),
                    modes + min(k + 3, links - 1),
                )
                _add(seen, s[k : k + 4], show[one], show[two], show[three], show[four])
            for c in range(len(out)):
                _put(out[c, row : row + parts], seen[c * parts : (c + 1) * parts])
            row += parts
        for k in range(links - 1, -1, -1):
            total = work.taken[at, k, mode] * held
            for i in range(k + 1):
                total += work.taken[at, k, modes + i] * s[i]
            s[k] = total
        held *= work.decay[at, mode]


@inside()
def _bound(row: Floats, low: Floats, high: Floats) -> float:
    """The bounds of a row, into the first places of ``low`` and ``high``; 0, or no number where one of the row is none or is
    infinite.
    """
    several, total = len(low), 0.0
    for w in range(several):
        low[w], high[w] = row[0], row[0]
    for n in range(len(row) // several):
        _widen(row[n * several : (n + 1) * several], low, high)
    _widen(row[len(row) // several * several :], low, high)
    for w in range(several):
        low[0] = low[w] if low[w] < low[0] else low[0]
        high[0] = high[w] if high[w] > high[0] else high[0]
    for w in range(len(row)):
        total += row[w]
    return 0.0 * total


@inside()
def _widen(row: Floats, low: Floats, high: Floats) -> None:
    for w in range(len(row)):
        low[w] = row[w] if row[w] < low[w] else low[w]
        high[w] = row[w] if row[w] > high[w] else high[w]
