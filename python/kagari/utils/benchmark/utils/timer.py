"""Timer: times a statement."""
import enum
import textwrap
import timeit

from kagari.utils.benchmark.utils import common

__all__ = ["Timer", "timer", "Language"]
timer = timeit.default_timer


class Language(enum.Enum):
    """What a statement is written in."""
    PYTHON = 0
    CPP = 1


class Timer:
    """Times the statement `stmt`, after `setup`, with the names of `globals`, on num_threads threads.

    label, sub_label, description and env say where Compare puts the result: table, row, column and table again.

    >>> m = torch.utils.benchmark.Timer("x + 1", globals={"x": torch.ones(4)}).timeit(10)
    >>> m.number_per_run, len(m.times)
    (10, 1)
    """
    _timer_cls = timeit.Timer

    def __init__(self, stmt="pass", setup="pass", global_setup="", timer=timer, globals=None, label=None, sub_label=None, description=None, env=None,
                 num_threads=1, language=Language.PYTHON):
        if not isinstance(stmt, str):
            raise ValueError("Currently only a `str` stmt is supported.")
        if language in (Language.CPP, "cpp", "c++"):
            raise NotImplementedError("torch.utils.benchmark.Timer: only statements in Python can be timed")
        if language not in (Language.PYTHON, "py", "python"):
            raise ValueError(f"Invalid language `{language}`.")
        if global_setup:
            raise ValueError(f"global_setup is C++ only, got `{global_setup}`. Most likely this code can simply be moved to `setup`.")
        import kagari
        self._globals = dict(globals or {})
        self._globals.setdefault("torch", kagari)
        stmt, setup = textwrap.dedent(stmt).strip() or "pass", textwrap.dedent(setup).strip() or "pass"
        self._timer = self._timer_cls(stmt=stmt, setup=setup, timer=timer, globals=self._globals)
        self._task_spec = common.TaskSpec(stmt=stmt, setup=setup, global_setup=global_setup, label=label, sub_label=sub_label, description=description,
                                          env=env, num_threads=num_threads)

    def _timeit(self, number):
        return max(self._timer.timeit(number), 1e-9)

    def timeit(self, number=1000000):
        """One measurement of `number` runs, after a warm-up."""
        with common.set_torch_threads(self._task_spec.num_threads):
            self._timeit(max(number // 100, 2))
            return common.Measurement(number, [self._timeit(number)], self._task_spec)

    def repeat(self, repeat=-1, number=-1):
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def autorange(self, callback=None):
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def _block_size(self, min_run_time):
        with common.set_torch_threads(self._task_spec.num_threads):
            overhead = min(self._timeit(0) for _ in range(5))
            number = 1
            while True:
                took = self._timeit(number)
                if overhead / took <= 1e-4 and took >= min_run_time / 1000 or took > min_run_time or number >= 10 ** 9:
                    return number
                number *= 10

    def _threaded_times(self, number, goes_on, callback):
        times = []
        with common.set_torch_threads(self._task_spec.num_threads):
            while goes_on(times):
                times.append(self._timeit(number))
                if callback is not None:
                    callback(number, times[-1])
        return times

    def blocked_autorange(self, callback=None, min_run_time=0.2):
        """Measurements of blocks, long enough for the clock, until they took min_run_time seconds together."""
        number = self._block_size(min_run_time)
        times = self._threaded_times(number, lambda times: not times or sum(times) < min_run_time, callback)
        return common.Measurement(number, times, self._task_spec)

    def adaptive_autorange(self, threshold=0.1, *, min_run_time=0.01, max_run_time=10.0, callback=None):
        """Measurements until their quartiles lie within `threshold` of the median, or they took max_run_time seconds."""
        number = self._block_size(0.05)

        def goes_on(times):
            if len(times) < 3 or sum(times) < min_run_time:
                return True
            found = common.Measurement(number, times, self._task_spec)
            return sum(times) < max_run_time and not (found.iqr / found.median < threshold)
        return common.Measurement(number, self._threaded_times(number, goes_on, callback), self._task_spec)

    def collect_callgrind(self, number=100, *, repeats=None, collect_baseline=True, retain_out_file=False):
        """NotImplementedError: run the program under `valgrind --tool=callgrind` instead."""
        raise NotImplementedError("torch.utils.benchmark.Timer.collect_callgrind: kagari does not drive Valgrind; run the program under it instead")
