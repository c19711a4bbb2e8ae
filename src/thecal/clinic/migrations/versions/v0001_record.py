"""The record, the people, the accounts, the read models: everything of the first day."""

from alembic import op

from thecal.clinic.schema import metadata

revision = "0001"
down_revision = None

_FUNCTION = """
CREATE FUNCTION {table}_stays() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{table} is append-only: write a correction instead'; END $$
"""


def upgrade() -> None:
    """Make every table, and refuse to change or delete what is append-only."""
    bind = op.get_bind()
    metadata.create_all(bind)
    for table in ("entry", "audit"):
        if bind.dialect.name == "postgresql":
            op.execute(_FUNCTION.format(table=table))
            op.execute(
                f"CREATE TRIGGER {table}_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_stays()"
            )
        else:
            for what in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_stays_{what.lower()} BEFORE {what} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: write a correction instead'); END"
                )


def downgrade() -> None:
    """There is nothing before it."""
    raise NotImplementedError("the first migration has nothing before it; restore a backup instead")
