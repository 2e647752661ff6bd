"""Timing of statements: Timer measures, Compare shows."""
from kagari.utils.benchmark.utils.common import Measurement, TaskSpec, ordered_unique, select_unit, set_torch_threads, trim_sigfig, unit_to_english
from kagari.utils.benchmark.utils.compare import Colorize, Compare
from kagari.utils.benchmark.utils.fuzzer import FuzzedParameter, FuzzedTensor, Fuzzer, ParameterAlias
from kagari.utils.benchmark.utils.timer import Language, Timer, timer

__all__ = ["Measurement", "TaskSpec", "ordered_unique", "select_unit", "set_torch_threads", "trim_sigfig", "unit_to_english", "Colorize", "Compare",
           "FuzzedParameter", "FuzzedTensor", "Fuzzer", "ParameterAlias", "Language", "Timer", "timer"]
