"""Hazards of the field: each re-enacted as it happened and as it goes here, and the law that answers each class of defect."""
