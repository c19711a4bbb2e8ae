"""The pages of a clinic, and its programming interface: one module per page, templates beside them, nothing from elsewhere."""
