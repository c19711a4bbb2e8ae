"""The migrations of a clinic's database, by Alembic."""
