"""The implanted pump: its data sheet, what it believes (memory), what is so (mechanics), and the four ways it changes."""
