"""Studies: populations of patients, trial arms, and what published numbers say of the model."""
