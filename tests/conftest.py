"""What all tests share."""

from hypothesis import HealthCheck, settings

settings.register_profile("thecal", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], database=None)
settings.register_profile("long", settings.get_profile("thecal"), max_examples=1500)
settings.load_profile("thecal")
