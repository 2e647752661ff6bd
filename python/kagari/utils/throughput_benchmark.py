"""How many calls of a module several threads make in a time."""
import threading
import time

__all__ = ["ThroughputBenchmark", "ExecutionStats", "format_time"]


def format_time(time_us=None, time_ms=None, time_s=None):
    """A time, given in one unit, as text with a suitable unit."""
    if sum(value is not None for value in (time_us, time_ms, time_s)) != 1:
        raise AssertionError("format_time: give one of time_us, time_ms and time_s")
    us = time_us if time_us is not None else time_ms * 1e3 if time_ms is not None else time_s * 1e6
    return f"{us / 1e6:.3f}s" if us >= 1e6 else f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


class ExecutionStats:
    """What a benchmark measured: latency_avg_ms, num_iters, total_time_seconds, iters_per_second."""

    def __init__(self, latency_avg_ms, num_iters, total_time_seconds):
        self.latency_avg_ms, self.num_iters, self.total_time_seconds = latency_avg_ms, num_iters, total_time_seconds

    @property
    def iters_per_second(self):
        """Calls per second, all threads together."""
        return self.num_iters / self.total_time_seconds

    def __str__(self):
        return "\n".join(["Average latency per example: " + format_time(time_ms=self.latency_avg_ms), f"Total number of iterations: {self.num_iters}",
                          f"Total number of iterations per second (across all threads): {self.iters_per_second:.2f}",
                          "Total time: " + format_time(time_s=self.total_time_seconds)])


class ThroughputBenchmark:
    """Calls a module with inputs that were added, in turn, from several threads.

    >>> bench = torch.utils.throughput_benchmark.ThroughputBenchmark(torch.nn.Linear(2, 2))
    >>> bench.add_input(torch.ones(1, 2))
    >>> bench.benchmark(num_warmup_iters=1, num_iters=4).num_iters
    4
    """

    def __init__(self, module):
        self.module, self.inputs = module, []

    def add_input(self, *args, **kwargs):
        """Arguments of a call."""
        self.inputs.append((args, kwargs))

    def run_once(self, *args, **kwargs):
        """The module's result."""
        return self.module(*args, **kwargs)

    def benchmark(self, num_calling_threads=1, num_warmup_iters=10, num_iters=100, profiler_output_path=""):
        """Measures num_iters calls, shared by the threads; an ExecutionStats. RuntimeError without inputs."""
        if not self.inputs:
            raise RuntimeError("no inputs were added")
        for i in range(num_warmup_iters):
            args, kwargs = self.inputs[i % len(self.inputs)]
            self.module(*args, **kwargs)
        numbers, times = iter(range(num_iters)), []
        lock = threading.Lock()

        def work():
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                args, kwargs = self.inputs[number % len(self.inputs)]
                start = time.perf_counter()
                self.module(*args, **kwargs)
                times.append(time.perf_counter() - start)
        threads = [threading.Thread(target=work) for _ in range(num_calling_threads)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return ExecutionStats(1e3 * sum(times) / len(times), len(times), time.perf_counter() - start)
