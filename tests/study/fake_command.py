"""The command with the small trial in place of thecal's own, as a process of its own: python -m tests.study.fake_command."""

import resource
import sys
from types import ModuleType

from tests.study.fake_trial import read_trial, run_fake
from thecal.cli.main import main


def fake_modules() -> dict[str, ModuleType]:
    """What stands in for the modules that read a protocol and run its patients."""
    design, block = ModuleType("thecal.study.design"), ModuleType("thecal.study.block")
    design.__dict__["read_protocol"], block.__dict__["run_block"] = read_trial, run_fake
    return {design.__name__: design, block.__name__: block}


if __name__ == "__main__":
    sys.modules.update(fake_modules())
    if sys.argv[1].startswith("--most-bytes="):
        most = int(sys.argv.pop(1).partition("=")[2])
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    main()
