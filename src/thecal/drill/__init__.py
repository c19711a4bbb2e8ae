"""Drills: emergencies and everyday mistakes to practise on a virtual patient and pump, alone or in a group."""
