"""The bench: virtual pumps as real processes, with durable memory, behind a guarded link."""
