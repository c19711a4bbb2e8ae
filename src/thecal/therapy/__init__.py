"""The rules of the therapy. Rules read a chart and nothing else."""
