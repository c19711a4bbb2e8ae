"""One pump in one person over time: the case that is read, the world that is true, the loop that runs it, the trace it leaves."""
