"""What is covered by what: nothing points nowhere, and what is written of it is true."""

from tests import coverage


def test_every_statement_of_the_articles_leads_to_a_rule_or_a_module_and_its_test() -> None:
    """All 110; a statement that points nowhere, or to a rule without a test, fails here."""
    assert list(coverage.statements()) == [f"S{number}" for number in range(1, 111)]
    assert coverage.leads_nowhere() == []


def test_what_is_written_of_coverage_is_true() -> None:
    """The tests of each rule, as the command shows them, and the document; ``make coverage`` writes them anew."""
    assert coverage.TESTS.read_text(encoding="utf-8") == coverage.tests_text()
    assert coverage.DOCUMENT.read_text(encoding="utf-8") == coverage.document_text()
