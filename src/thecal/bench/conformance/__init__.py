"""The conformance kit: any pump, checked from outside by the behavior of the reference."""
