"""The clinic: who is treated, what is recorded of them, who may do what, and what is to be done today."""
