"""What Alembic runs: the migrations on the connection that it is given, in the transaction that it is given."""

from alembic import context

from thecal.clinic.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True, render_as_batch=True)
context.run_migrations()
