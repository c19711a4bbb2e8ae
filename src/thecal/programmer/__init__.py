"""The external programmer, without input or output: plans that a person reviews before anything is sent."""
