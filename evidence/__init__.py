"""The evidence bundle: what thecal is for, what can go wrong with such pumps, what answers it, and what is known to be wrong.

``make evidence`` writes it into ``build/evidence``; docs/evidence.md says what stands in it and how to read it.
"""
