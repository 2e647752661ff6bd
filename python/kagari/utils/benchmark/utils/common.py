"""Measurements, what they measured, and numbers as people read them."""
import collections
import contextlib
import dataclasses
import math
import statistics

import kagari

__all__ = ["TaskSpec", "Measurement", "select_unit", "unit_to_english", "trim_sigfig", "ordered_unique", "set_torch_threads"]

_MAX_SIGNIFICANT_FIGURES = 4
_MIN_CONFIDENCE_INTERVAL = 25e-9                 # seconds: below this the clock is no finer
_IQR_WARN_THRESHOLD, _IQR_GROSS_WARN_THRESHOLD = 0.1, 0.25


@dataclasses.dataclass(init=True, repr=False, eq=True, frozen=True)
class TaskSpec:
    """What was timed: the statements, and the labels under which Compare shows it."""
    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self):
        """The label, or the statement."""
        if self.label is not None:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        if "\n" not in self.stmt:
            return self.stmt + (f": {self.sub_label}" if self.sub_label else "")
        indented = "\n".join("  " + line for line in self.stmt.splitlines())
        return f"stmt:{f' ({self.sub_label})' if self.sub_label else ''}\n{indented}"

    def setup_str(self):
        if self.setup == "pass" or not self.setup:
            return ""
        if "\n" in self.setup:
            return "setup:\n" + "\n".join("  " + line for line in self.setup.splitlines())
        return f"setup: {self.setup}"

    def summarize(self):
        """Title, setup and environment as a few lines."""
        parts = [self.title, self.description or "", self.setup_str()]
        return "\n".join(part for part in parts if part)


class Measurement:
    """Times of one statement.

    `raw_times` are seconds, one for each block of `number_per_run` runs; `times` are seconds per run.
    """

    def __init__(self, number_per_run, raw_times, task_spec, metadata=None):
        self.number_per_run, self.raw_times, self.task_spec, self.metadata = number_per_run, list(raw_times), task_spec, metadata

    def __getattr__(self, name):
        if name.startswith("__") or name == "task_spec":
            raise AttributeError(name)
        return getattr(self.task_spec, name)     # the labels

    @property
    def times(self):
        return [raw / self.number_per_run for raw in self.raw_times]

    @property
    def median(self):
        return statistics.median(self.times) if self.raw_times else float("nan")

    @property
    def mean(self):
        return statistics.fmean(self.times) if self.raw_times else float("nan")

    def _quantile(self, q):
        times = sorted(self.times)
        at = q * (len(times) - 1)
        low = math.floor(at)
        return times[low] + (at - low) * (times[min(low + 1, len(times) - 1)] - times[low])

    @property
    def iqr(self):
        """Distance between the quartiles."""
        return self._quantile(0.75) - self._quantile(0.25) if self.raw_times else float("nan")

    @property
    def significant_figures(self):
        """How many digits of the median the spread of the times supports, 1 to 4."""
        if len(self.raw_times) < 2:
            return _MAX_SIGNIFICANT_FIGURES
        estimated = self.iqr / 1.349
        interval = max(1.645 * estimated / math.sqrt(len(self.raw_times)), _MIN_CONFIDENCE_INTERVAL)
        digits = math.floor(math.log10(self.median)) - math.floor(math.log10(interval))
        return max(1, min(_MAX_SIGNIFICANT_FIGURES, digits))

    @property
    def has_warnings(self):
        return bool(self._warnings())

    @property
    def meets_confidence(self):
        """Whether the quartiles are close to the median."""
        return len(self.raw_times) > 1 and self.iqr / self.median < _IQR_WARN_THRESHOLD

    @property
    def title(self):
        return self.task_spec.title

    @property
    def env(self):
        return "Unspecified env" if self.task_spec.env is None else str(self.task_spec.env)

    @property
    def as_row_name(self):
        return self.task_spec.sub_label or self.task_spec.stmt or "[Unknown]"

    def _warnings(self):
        if len(self.raw_times) < 2 or self.iqr / self.median <= _IQR_WARN_THRESHOLD:
            return []
        gross = self.iqr / self.median > _IQR_GROSS_WARN_THRESHOLD
        return [f"  WARNING: Interquartile range is {self.iqr / self.median:.1%} of the median measurement.",
                f"           This {'suggests significant' if gross else 'could indicate system fluctuation; consider longer'} "
                f"{'environmental influence' if gross else 'runs'}."]

    def __repr__(self):
        unit, factor = select_unit(self.median)
        n = len(self.raw_times)
        lines = [f"<torch.utils.benchmark.utils.common.Measurement object at {id(self):#x}>", self.task_spec.summarize()]
        if n == 1:
            lines.append(f"  {self.median / factor:.2f} {unit}")
        else:
            lines.append(f"  Median: {self.median / factor:.2f} {unit}")
            if n > 3:
                lines.append(f"  IQR:    {self.iqr / factor:.2f} {unit} ({self._quantile(0.25) / factor:.2f} to {self._quantile(0.75) / factor:.2f})")
        threads = self.task_spec.num_threads
        lines.append(f"  {n} measurement{'s' if n != 1 else ''}, {self.number_per_run} runs {'per measurement' if n > 1 else ''}, "
                     f"{threads} thread{'s' if threads != 1 else ''}")
        return "\n".join(lines + self._warnings())

    @staticmethod
    def merge(measurements):
        """One measurement for each task, of all the times that belong to it."""
        groups = collections.OrderedDict()
        for one in measurements:
            groups.setdefault((one.task_spec, one.number_per_run), []).append(one)
        return [Measurement(number, [t for one in group for t in one.raw_times], spec) for (spec, number), group in groups.items()]


def select_unit(t):
    """The unit in which a time in seconds reads well, and its length in seconds: ("us", 1e-6)."""
    if t < 1e-6:
        return "ns", 1e-9
    return ("us", 1e-6) if t < 1e-3 else ("ms", 1e-3) if t < 1 else ("s", 1)


def unit_to_english(u):
    """"us" -> "microsecond"."""
    return {"ns": "nanosecond", "us": "microsecond", "ms": "millisecond", "s": "second"}[u]


def trim_sigfig(x, n):
    """x rounded to n significant figures."""
    if n != int(n):
        raise AssertionError("n must be an integer")
    if x == 0 or not math.isfinite(x):
        return x
    scale = 10 ** (math.floor(math.log10(abs(x))) + 1 - n)
    return float(round(x / scale) * scale)


def ordered_unique(elements):
    """The distinct elements in the order of their first appearance."""
    return list(dict.fromkeys(elements))


@contextlib.contextmanager
def set_torch_threads(n):
    """Operators use n threads inside."""
    before = kagari.get_num_threads()
    if before == n:
        yield
        return
    kagari.set_num_threads(n)
    try:
        yield
    finally:
        kagari.set_num_threads(before)
