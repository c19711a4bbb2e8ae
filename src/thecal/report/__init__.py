"""What people read of a run: words, tables, figures, pages and documents. Nothing here decides anything."""
