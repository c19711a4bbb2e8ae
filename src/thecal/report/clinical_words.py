"""What is known of a person, in words."""

from zoneinfo import ZoneInfo

from thecal.chart import clinical
from thecal.chart.clinical import ClinicalFact

_GRADES = ("gone", "mild", "moderate", "severe")


def clinical_text(fact: ClinicalFact, zone: ZoneInfo) -> str:
    """A fact about the person, as a line of the record."""
    match fact:
        case clinical.Described(cause=cause, origin=origin):
            return f"{cause}, spasticity of {origin} origin"
        case clinical.Answered(checklist=checklist, item=item, yes=yes):
            return f"{checklist}: {item} {'yes' if yes else 'no'}"
        case clinical.Noticed(condition=condition, present=present):
            return condition if present else f"no longer {condition}"
        case clinical.SymptomReported(symptom=symptom, grade=grade):
            return f"{symptom}: {_GRADES[grade]}"
        case clinical.Scored(scale=scale, score=score, part=part):
            return f"{scale}{f' ({part})' if part else ''}: {score}"
        case clinical.Measured(measure=measure, value=value):
            return f"{measure}: {value:g}"
        case clinical.Prescribed(medicine=medicine, per_day=per_day, doses_a_day=doses):
            return f"{medicine} {per_day:g} a day in {doses}"
        case clinical.Discontinued(medicine=medicine):
            return f"{medicine} discontinued"
        case clinical.Booked(visit=visit, on=on, cancelled=cancelled):
            return f"{visit} on {on.local_text(zone)} {'cancelled' if cancelled else 'booked'}"
        case clinical.Visited(visit=visit):
            return f"visit: {visit}"
        case clinical.Documented(document=document):
            return f"on file: {document}"
        case clinical.Signed(author=author, checker=checker):
            return f"order of {author} entered again by {checker}"
        case clinical.Overrode(rule=rule, reason=reason, by=by, role=role):
            return f"{rule} overridden by {by} ({role}): {reason}"
        case clinical.AlarmHeard(tone=tone):
            return f"a {tone} alarm was heard"
        case clinical.Scanned(tesla=tesla):
            return "MRI, its field strength not known" if tesla is None else f"MRI at {tesla:g} T"
        case clinical.Certified(who=who, permission=permission, until=until):
            return f"{who} may {permission} until {until.date(zone)}"
        case clinical.Referred():
            return "referred for consultation"
        case clinical.Closed(why=why):
            return f"ended: {why}"
