"""The catheter: its geometry, what lies in the line, and how it travels to the tip."""
