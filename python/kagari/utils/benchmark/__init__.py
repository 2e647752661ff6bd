"""Timing of statements, with enough repeats to trust the median."""
import statistics
import timeit as _timeit

__all__ = ["Measurement", "Timer", "timer"]
timer = _timeit.default_timer


class Measurement:
    """Times of one statement: `times` are seconds per run, one for each block of `number_per_run` runs."""

    def __init__(self, number_per_run, raw_times, task_spec=None, metadata=None):
        self.number_per_run, self.raw_times, self.task_spec, self.metadata = number_per_run, list(raw_times), task_spec, metadata

    @property
    def times(self):
        return [raw / self.number_per_run for raw in self.raw_times]

    @property
    def median(self):
        return statistics.median(self.times)

    @property
    def mean(self):
        return statistics.fmean(self.times)

    @property
    def iqr(self):
        """Distance between the quartiles."""
        if len(self.times) < 2:
            return 0.0
        quartiles = statistics.quantiles(self.times, n=4)
        return quartiles[2] - quartiles[0]

    @property
    def meets_confidence(self):
        return len(self.times) > 1 and self.iqr / self.median < 0.1

    def __repr__(self):
        value, unit = self.median, "s"
        for factor, name in ((1e3, "ms"), (1e6, "us"), (1e9, "ns")):
            if value >= 1 / (factor / 1e3):
                break
            unit, value = name, self.median * factor
        title = (self.task_spec or {}).get("title") or ""
        return (f"<{type(self).__module__.replace('kagari', 'torch')}.Measurement object at {id(self):#x}>\n{title}\n  Median: {value:.2f} {unit}\n"
                f"  IQR:    {self.iqr:.3g} s\n  {len(self.raw_times)} measurements, {self.number_per_run} runs per measurement")


class Timer:
    """Times the statement `stmt`, after running `setup`, with the names of `globals`, on num_threads threads."""

    def __init__(self, stmt="pass", setup="pass", global_setup="", timer=timer, globals=None, label=None, sub_label=None, description=None, env=None,
                 num_threads=1, language="python"):
        if language not in ("python", "py"):
            raise NotImplementedError("torch.utils.benchmark.Timer: only statements in Python can be timed")
        import kagari
        names = dict(globals or {})
        names.setdefault("torch", kagari)
        self._spec = {"title": label or stmt, "sub_label": sub_label, "description": description, "num_threads": num_threads}
        self._timer, self._threads = _timeit.Timer(stmt=stmt, setup=setup, timer=timer, globals=names), num_threads

    def _run(self, number):
        import kagari
        before = kagari.get_num_threads()
        if before == self._threads:
            return self._timer.timeit(number)
        kagari.set_num_threads(self._threads)
        try:
            return self._timer.timeit(number)
        finally:
            kagari.set_num_threads(before)

    def timeit(self, number=1000000):
        """One measurement of `number` runs."""
        self._run(max(number // 100, 2))
        return Measurement(number, [self._run(number)], self._spec)

    def _block_size(self, min_run_time):
        number = 1
        while True:
            took = self._run(number)
            if took >= min_run_time / 1000 or took * 1000 > min_run_time or number > 10 ** 9:
                return number
            number *= 10

    def blocked_autorange(self, callback=None, min_run_time=0.2):
        """Measurements until they took min_run_time seconds together."""
        number = self._block_size(min_run_time)
        times = []
        while sum(times) < min_run_time:
            times.append(self._run(number))
            if callback is not None:
                callback(number, times[-1])
        return Measurement(number, times, self._spec)

    def adaptive_autorange(self, threshold=0.1, *, min_run_time=0.01, max_run_time=10.0, callback=None):
        """Measurements until they agree to within `threshold`, or took max_run_time seconds."""
        number = self._block_size(min_run_time)
        times = []
        while True:
            times.append(self._run(number))
            if callback is not None:
                callback(number, times[-1])
            found = Measurement(number, times, self._spec)
            if sum(times) >= max_run_time or (len(times) >= 5 and sum(times) >= min_run_time and found.iqr / found.median < threshold):
                return found
