"""The tree that leads from a lost or excessive effect to catheter, pump, drug or disease: its steps as data, and the walk.

Each step is a question with its published yield, what either answer means, and what may not be done. The walk needs nothing but
the answers so far: the same answers in any order lead to the same next step.
"""

from collections.abc import Iterator, Sequence

from thecal.therapy.diagnosis import EXCESS, LOSS, Conclusion, Course, Found, Meaning, Means, Node, undecided

_NO_FINDING = "the count of this step is not published"
_PUMP_ALARM = Means(
    "pump",
    "the pump says that it stalled, was reset or has ended",
    "Outside a magnetic field take it as a failure of the pump, even where it recovered: work up its replacement.",
    ends=True,
)
_PROGRAM = Means("drug", "the program is not the prescription", "Program what was prescribed, with a second person.", ends=True)
_WRONG_DRUG = Means(
    "drug",
    "drug, lot or concentration is wrong",
    "Empty the reservoir, replace the drug, and bridge or prime what lies in the line.",
    ends=True,
)
_STUDIES = (("x-ray abnormal", True), ("rotor turns", False), ("contrast abnormal", True), ("indium abnormal", True))

_LOSS_TREE: tuple[Node, ...] = (
    Node(
        "TRB-01",
        "emergency signs",
        "Does tone rise fast, with fever, a changed mind, unstable pulse or blood pressure?",
        _NO_FINDING,
        Means(
            "not yet decided",
            "a withdrawal may be under way",
            "Treat the withdrawal now: restore the drug, cover, monitor; look for the fault meanwhile.",
            ends=True,
            emergency=True,
        ),
        undecided("there is time to search step by step"),
    ),
    Node(
        "TRB-02",
        "noxious stimulus found",
        "Is there a urinary infection, constipation, ulcer, stone, fracture, other infection, relapse or new drug? Measure CK.",
        _NO_FINDING,
        Means("disease", "a noxious stimulus or disease raises the tone", "Treat it, and look again after 24 to 72 h."),
        undecided("nothing outside the device explains it"),
        forbids=("Do not raise the dose before this is answered.",),
    ),
    Node(
        "TRB-02",
        "effect back after treatment",
        "Is the effect back 24 to 72 h after treatment of what was found?",
        _NO_FINDING,
        Means("disease", "the treatment brought the effect back: it was the stimulus", "Leave the dose as it is.", ends=True),
        undecided("the stimulus alone does not explain it"),
        only_if=(("noxious stimulus found", True),),
    ),
    Node(
        "TRB-03",
        "pump alarm or stall",
        "Interrogate: is there a stall in the log, a reset, a memory error, or the end of service?",
        _NO_FINDING,
        _PUMP_ALARM,
        undecided("the pump reports no fault of its own"),
    ),
    Node(
        "TRB-03",
        "reservoir empty",
        "Is the reservoir empty, by the pump or by the needle?",
        _NO_FINDING,
        Means("drug", "there is no drug to give", "Refill, treat a withdrawal, and find out why it was empty.", ends=True),
        undecided("there is drug in the reservoir"),
    ),
    Node(
        "TRB-03",
        "program differs from order",
        "Does the program differ from the prescription?",
        _NO_FINDING,
        _PROGRAM,
        undecided("the pump runs what was prescribed"),
    ),
    Node(
        "TRB-03",
        "wrong drug or concentration",
        "Is the drug, its lot or its concentration wrong?",
        _NO_FINDING,
        _WRONG_DRUG,
        undecided("the drug is the one prescribed"),
    ),
    Node(
        "TRB-03",
        "residual high",
        "Is there more in the reservoir than expected, by more than the limit?",
        _NO_FINDING,
        undecided("too little left the reservoir: an occlusion, or a rotor that stands still"),
        undecided("no sign of too little flow; this excludes no leak, disconnection or migration"),
        forbids=("Do not simply refill, and do not restart at the old dose outside a monitored setting.",),
        unless=(("residual low", True),),
    ),
    Node(
        "TRB-03",
        "residual low",
        "Is there less in the reservoir than expected, by more than the limit?",
        _NO_FINDING,
        undecided("the drug left the reservoir but does not work: a leak, or a fill beside the pump"),
        undecided("no sign of a leak of the reservoir; this excludes no leak of the catheter"),
        forbids=("Do not simply refill.",),
        unless=(("residual high", True),),
    ),
    Node(
        "TRB-04",
        "x-ray abnormal",
        "X-ray of the whole system, from front and side: kink, break, disconnection, a tip that moved?",
        "35.1 % of catheter failures were diagnosed by it",
        Means("catheter", "the X-ray shows the fault", "Revise the catheter.", ends=True),
        undecided("a normal film excludes no leak, no small break and no occlusion"),
    ),
    Node(
        "TRB-05",
        "rotor turns",
        "Film the rotor before and after a small programmed bolus: does it turn?",
        "about 60 degrees of rotation is described; 90 degrees is commonly programmed, from memory",
        undecided("the pump moves: look at the catheter"),
        Means("pump", "the rotor does not turn: a stall", "Replace the pump; cover a withdrawal until then.", ends=True),
        forbids=("Keep the bolus small: all of it reaches the person if the line is open.",),
        unless=(("no rotor", True),),
    ),
    Node(
        "TRB-06",
        "port aspirates",
        "Aspirate the catheter access port under fluoroscopy: does fluid come?",
        "24.3 % were diagnosed by failure to aspirate",
        undecided("the catheter is open to the spinal fluid, at least for suction"),
        undecided("occlusion, disconnection or a tip outside; alone it proves no occlusion"),
        forbids=("Inject nothing before fluid came.",),
        unless=(("no access port", True),),
    ),
    Node(
        "TRB-07",
        "contrast abnormal",
        "After the line's drug was aspirated, 1 to 2 mL of contrast, CT if needed: leak, subdural tip, migration, occlusion?",
        "35.1 % were diagnosed by fluoroscopy or CT",
        Means("catheter", "the contrast study shows the fault", "Revise the catheter.", ends=True),
        undecided("the contrast study is normal"),
        forbids=(
            "Inject no contrast before at least twice the dead volume was aspirated: the line's drug would go in as a bolus.",
            "Afterwards prime the catheter only: the tubing is still full.",
        ),
        only_if=(("port aspirates", True),),
    ),
    Node(
        "TRB-08",
        "indium abnormal",
        "Indium-111 through the reservoir, scans over about 3 days, if stable: does it fail to reach the canal?",
        "5.4 % were diagnosed by it; normal in 2 of 4 with abnormal fluoroscopy or CT",
        Means("catheter", "the tracer does not reach the canal", "Revise the catheter.", ends=True),
        undecided("the scan is normal, which excludes no fault of the catheter"),
        unless=(("indium not possible", True),),
    ),
    Node(
        "TRB-10",
        "positional symptoms",
        "Do the signs come and go, or change with posture, while all studies are normal?",
        "one such fault stayed undiagnosed for 4 years",
        Means("catheter", "a positional fault of the catheter", "Discuss surgical exploration of the catheter.", ends=True),
        undecided("nothing points to a positional fault"),
        unless=_STUDIES,
    ),
    Node(
        "TRB-11",
        "bolus response",
        "A single monitored bolus by lumbar puncture, 50 to 100 mcg or at most 10 to 20 % of the daily dose: does it work?",
        "recalled; no yield is published",
        Means(
            "catheter",
            "the drug works when it arrives, and the rotor turns: the catheter does not deliver",
            "Explore and revise the catheter.",
            ends=True,
        ),
        Means(
            "disease",
            "the drug does not work even when it arrives: progression or tolerance",
            "Assess the disease; consider another plan than a higher dose.",
            ends=True,
        ),
        forbids=("Do not give it unmonitored: watch for overdose.",),
        only_if=(("rotor turns", True),),
    ),
    Node(
        "TRB-11",
        "bolus response",
        "A single monitored bolus by lumbar puncture, 50 to 100 mcg or at most 10 to 20 % of the daily dose: does it work?",
        "recalled; no yield is published",
        Means(
            "not yet decided",
            "the drug works when it arrives: pump or catheter does not deliver, and which of them is not known",
            "Explore at surgery: both pump and catheter.",
            ends=True,
        ),
        Means(
            "disease",
            "the drug does not work even when it arrives: progression or tolerance",
            "Assess the disease; consider another plan than a higher dose.",
            ends=True,
        ),
        forbids=("Do not give it unmonitored: watch for overdose.",),
        unless=(("rotor turns", True),),
    ),
)

_EXCESS_TREE: tuple[Node, ...] = (
    Node(
        "TRB-01",
        "emergency signs",
        "Is the person limp and hard to wake, or breathing slowly?",
        _NO_FINDING,
        Means(
            "not yet decided",
            "an overdose may be under way",
            "Treat the overdose now: airway, stop the pump, then empty the reservoir; look for the cause meanwhile.",
            ends=True,
            emergency=True,
        ),
        undecided("there is time to search step by step"),
    ),
    Node(
        "TRB-02",
        "other sedation found",
        "Is there a new sedative, alcohol, an infection, failing kidneys, or another illness that explains it?",
        _NO_FINDING,
        Means("disease", "another drug or illness explains it", "Treat it, and look again after 24 to 72 h.", ends=True),
        undecided("nothing outside the device explains it"),
    ),
    Node(
        "TRB-03",
        "program differs from order",
        "Interrogate: does the program differ from the prescription? Compare the 24-h total.",
        _NO_FINDING,
        _PROGRAM,
        undecided("the pump runs what was prescribed"),
    ),
    Node(
        "TRB-03",
        "wrong drug or concentration",
        "Is the drug, its lot or its concentration wrong, or was a change of concentration not bridged?",
        _NO_FINDING,
        _WRONG_DRUG,
        undecided("the drug is the one prescribed"),
    ),
    Node(
        "TRB-03",
        "residual low",
        "Is there less in the reservoir than expected, by more than the limit?",
        _NO_FINDING,
        Means(
            "pump",
            "too much left the reservoir: overinfusion, or a fill beside the pump",
            "Look for drug in the pocket; do not refill before; replace a pump that overinfuses.",
            ends=True,
        ),
        undecided("no sign of too much flow"),
        forbids=("Do not refill before the missing volume is explained.",),
        unless=(("residual high", True),),
    ),
    Node(
        "TRB-03",
        "residual high",
        "Is there more in the reservoir than expected, by more than the limit?",
        _NO_FINDING,
        undecided("too little was given before; after a restart the old dose can be too much"),
        undecided("the residual explains nothing"),
        forbids=("No restart at the old dose outside a monitored setting.",),
        unless=(("residual low", True),),
    ),
    Node(
        "TRB-04",
        "x-ray abnormal",
        "X-ray of the whole system, from front and side: has the tip moved?",
        "no yield for too much effect is published",
        Means("catheter", "the tip has moved, or the catheter has changed", "Lower the dose; plan a revision.", ends=True),
        Means(
            "disease",
            "pump, drug and catheter show nothing: the need is smaller than the dose",
            "Lower the dose and assess again.",
            ends=True,
        ),
    ),
)
TREES: dict[Course, tuple[Node, ...]] = {LOSS: _LOSS_TREE, EXCESS: _EXCESS_TREE}
_UNDECIDED = Conclusion(
    "not yet decided",
    "every step was taken and none decided",
    "Refer to a center that explores surgically; keep the person covered.",
    "TRB-10",
)


def next_test(findings_so_far: Sequence[Found]) -> Node | Conclusion:
    """The next step after the answers so far, or what they conclude. Without ``excess effect`` a loss is searched."""
    answers = {found.item: found.yes for found in findings_so_far}
    for node in TREES[_course(answers)]:
        if not _applies(node, answers):
            continue
        answered = answers.get(node.item)
        if answered is None:
            return node
        means = node.if_yes if answered else node.if_no
        if means.ends:
            return Conclusion(means.where, means.text, means.advice, node.rule, means.emergency)
    return _UNDECIDED


def meanings(findings: Sequence[Found]) -> Iterator[Meaning]:
    """What each answer means, in the order of the steps that ask for it."""
    by_item = {found.item: found for found in findings}
    answers = {item: found.yes for item, found in by_item.items()}
    for node in TREES[_course(answers)]:
        found = by_item.get(node.item)
        if found is not None and _applies(node, answers):
            yield Meaning(node.rule, found, node.if_yes if found.yes else node.if_no)


def _course(answers: dict[str, bool]) -> Course:
    return EXCESS if answers.get(EXCESS) else LOSS


def _applies(node: Node, answers: dict[str, bool]) -> bool:
    given = [answers.get(item) == yes for item, yes in node.only_if]
    barred = [answers.get(item) == yes for item, yes in node.unless]
    return all(given) and not any(barred)
