"""What a profiler recorded: events, their tree, sums over events of one name, and tables of these."""
import enum
import json
import os
from collections import defaultdict

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Interval", "FormattedTimesMixin", "Kernel"]

OPERATOR, EVALUATION, BACKWARD, USER = range(4)       # kinds of events, as the core numbers them


class DeviceType(enum.Enum):
    """Where an event ran; always the CPU here."""
    CPU = 0
    CUDA = 1


def _format_time(time_us):
    """1234.5 -> "1.234ms"."""
    if time_us >= 1e6:
        return f"{time_us / 1e6:.3f}s"
    return f"{time_us / 1e3:.3f}ms" if time_us >= 1e3 else f"{time_us:.3f}us"


def _format_time_share(time_us, total_time_us):
    return "NaN" if total_time_us == 0 else f"{time_us * 100.0 / total_time_us:.2f}%"


def _format_memory(nbytes):
    """2048 -> "2.00 KB"."""
    for limit, unit in ((2 ** 30, "GB"), (2 ** 20, "MB"), (2 ** 10, "KB")):
        if abs(nbytes) >= limit:
            return f"{nbytes / limit:.2f} {unit}"
    return f"{nbytes} B"


class Interval:
    """Start and end in microseconds."""

    def __init__(self, start, end):
        self.start, self.end = start, end

    def elapsed_us(self):
        return self.end - self.start


class Kernel:
    """A kernel of an accelerator; there are none here."""

    def __init__(self, name, device, duration):
        self.name, self.device, self.duration = name, device, duration


class FormattedTimesMixin:
    """Times as text, and means over `count` calls. Times of a device are 0: there is only the CPU."""
    device_time_total = self_device_time_total = device_memory_usage = self_device_memory_usage = 0
    cuda_time_total = self_cuda_time_total = self_cuda_memory_usage = cuda_memory_usage = 0

    @property
    def cpu_time(self):
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def device_time(self):
        return 0.0

    cuda_time = device_time
    cpu_time_str = property(lambda self: _format_time(self.cpu_time))
    cpu_time_total_str = property(lambda self: _format_time(self.cpu_time_total))
    self_cpu_time_total_str = property(lambda self: _format_time(self.self_cpu_time_total))
    device_time_str = property(lambda self: _format_time(self.device_time))
    device_time_total_str = property(lambda self: _format_time(self.device_time_total))
    self_device_time_total_str = property(lambda self: _format_time(self.self_device_time_total))


def _flops(name, shapes):
    """Multiplications and additions of an operator with these shapes of arguments; 0 for operators that are not counted."""
    def size(shape):
        total = 1
        for n in shape:
            total *= n
        return total

    if name == "aten::mm" and len(shapes) > 1:
        return 2 * size(shapes[0]) * shapes[1][-1]
    if name == "aten::addmm" and len(shapes) > 2:
        return 2 * size(shapes[1]) * shapes[2][-1]
    if name == "aten::bmm" and len(shapes) > 1:
        return 2 * size(shapes[0]) * shapes[1][-1]
    if name == "aten::baddbmm" and len(shapes) > 2:
        return 2 * size(shapes[1]) * shapes[2][-1]
    if name in ("aten::add", "aten::mul") and shapes and shapes[0]:
        return size(shapes[0])
    return 0


class FunctionEvent(FormattedTimesMixin):
    """One call: an operator, a node of the backward graph, or a record_function block."""
    device_type, device_index, use_device, node_id, is_async, is_remote, is_legacy = DeviceType.CPU, 0, None, -1, False, False, False
    overload_name, device_resource_id, scope, concrete_inputs, kwinputs = "", 0, 0, [], {}

    def __init__(self, id, name, kind, thread, start_us, end_us, fwd_thread=0, input_shapes=None, input_dtypes=None, stack=None, sequence_nr=-1,
                 cpu_memory_usage=0, flops=0):
        self.id, self.name, self.trace_name, self.kind, self.thread, self.fwd_thread = id, name, name, kind, thread, fwd_thread
        self.time_range = Interval(start_us, end_us)
        self.count, self.cpu_children, self.cpu_parent, self.kernels = 1, [], None, []
        self.input_shapes, self.input_dtypes, self.stack = input_shapes or [], input_dtypes or [], stack or []
        self.sequence_nr, self.cpu_memory_usage, self.flops = sequence_nr, cpu_memory_usage, flops
        self.is_user_annotation = kind == USER

    @property
    def key(self):
        return self.name

    @property
    def cpu_time_total(self):
        return self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self):
        """Its time without the time of the calls inside it."""
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def self_cpu_memory_usage(self):
        return self.cpu_memory_usage - sum(child.cpu_memory_usage for child in self.cpu_children)

    def append_cpu_child(self, child):
        self.cpu_children.append(child)

    def set_cpu_parent(self, parent):
        self.cpu_parent = parent

    def __repr__(self):
        return (f"<FunctionEvent id={self.id} name={self.name} device_type={self.device_type} node_id={self.node_id} cpu_time={self.cpu_time_str} "
                f"start_us={self.time_range.start:.3f} end_us={self.time_range.end:.3f} cpu_children={[child.id for child in self.cpu_children]} "
                f"thread={self.thread} input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage} is_async={self.is_async} "
                f"is_remote={self.is_remote} seq_nr={self.sequence_nr} is_legacy={self.is_legacy}>")


class FunctionEventAvg(FormattedTimesMixin):
    """Sums over all events of one key."""

    def __init__(self):
        self.key, self.count, self.node_id, self.is_async, self.is_remote, self.use_device = None, 0, 0, False, False, None
        self.cpu_time_total = self.self_cpu_time_total = 0
        self.cpu_memory_usage = self.self_cpu_memory_usage = self.flops = 0
        self.input_shapes = self.stack = self.scope = None
        self.cpu_children = self.cpu_parent = None
        self.device_type, self.is_legacy, self.is_user_annotation, self.overload_name = DeviceType.CPU, False, False, None

    def add(self, other):
        """Takes another event, or another sum, in."""
        if self.key is None:
            self.key, self.node_id, self.input_shapes, self.stack = other.key, other.node_id, other.input_shapes, other.stack
            self.is_user_annotation, self.scope, self.overload_name = other.is_user_annotation, other.scope, other.overload_name
        for name in ("cpu_time_total", "self_cpu_time_total", "cpu_memory_usage", "self_cpu_memory_usage", "flops", "count"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    __iadd__ = add

    def __repr__(self):
        return (f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} cpu_time={self.cpu_time_str}  self_cuda_time=0.000us "
                f"cuda_time=0.000us input_shapes={self.input_shapes or ''} cpu_memory_usage={self.cpu_memory_usage} cuda_memory_usage=0>")


_SORT_KEYS = {"count", "cpu_time", "cpu_time_total", "self_cpu_time_total", "cpu_memory_usage", "self_cpu_memory_usage", "device_time", "device_time_total",
              "self_device_time_total", "device_memory_usage", "self_device_memory_usage", "cuda_time", "cuda_time_total", "self_cuda_time_total",
              "cuda_memory_usage", "self_cuda_memory_usage", "flops", "key"}


class EventList(list):
    """A list of events (or of sums of events) that knows how to print, sum and export itself."""

    def __init__(self, *args, use_device=None, profile_memory=False, with_flops=False, thread_names=None):
        super().__init__(*args)
        self._use_device, self._profile_memory, self._with_flops = use_device, profile_memory, with_flops

    def __str__(self):
        return self.table()

    @property
    def self_cpu_time_total(self):
        return sum(event.self_cpu_time_total for event in self)

    def total_average(self):
        """The sum of all events, key "Total"."""
        total = FunctionEventAvg()
        for event in self:
            total += event
            total.key = None
        total.key = "Total"
        return total

    def key_averages(self, group_by_input_shapes=False, group_by_stack_n=0, group_by_overload_name=False):
        """One sum per name, and per shapes of the arguments or per innermost lines of the stack if asked for."""
        sums = defaultdict(FunctionEventAvg)
        for event in self:
            key = (event.key, str(event.input_shapes) if group_by_input_shapes else "", tuple(event.stack[:group_by_stack_n]))
            sums[key].add(event)
        found = EventList(sums.values(), use_device=self._use_device, profile_memory=self._profile_memory, with_flops=self._with_flops)
        for one in found:
            one.stack = one.stack[:group_by_stack_n]
            if not group_by_input_shapes:
                one.input_shapes = ""
        return found

    def table(self, sort_by=None, row_limit=100, max_src_column_width=75, max_name_column_width=55, max_shapes_column_width=80, header=None,
              top_level_events_only=False, time_unit=None):
        """The events as text, sorted by an attribute such as "self_cpu_time_total", the largest first."""
        return _table(self, sort_by, row_limit, max_src_column_width, max_name_column_width, max_shapes_column_width, header, top_level_events_only,
                      self._profile_memory, self._with_flops)

    def export_chrome_trace(self, path):
        """Writes the events for chrome://tracing and Perfetto."""
        write_chrome_trace(self, path)

    def supported_export_stacks_metrics(self):
        return ["self_cpu_time_total", "self_cuda_time_total", "self_device_time_total"]

    def export_stacks(self, path, metric):
        """Lines `frame;frame;... microseconds` for flame graphs, one per event with a stack."""
        if metric not in self.supported_export_stacks_metrics():
            raise ValueError(f"metric should be one of: {self.supported_export_stacks_metrics()}")
        clean = str.maketrans(" ;\t\n", "____")
        with open(path, "w") as file:
            for event in self:
                value = int(getattr(event, metric))
                if event.stack and value > 0:
                    file.write(";".join(line.translate(clean) for line in reversed(event.stack)) + f" {value}\n")


def _cut(text, width):
    return text if width is None or len(text) <= width else text[:width - 3] + "..."


def _table(events, sort_by, row_limit, source_width, name_width, shapes_width, header, top_level_only, memory, flops):
    if not events:
        return ""
    if sort_by is not None:
        if sort_by not in _SORT_KEYS:
            raise AttributeError(f"'FunctionEventAvg' object has no attribute '{sort_by}'; a table can be sorted by {', '.join(sorted(_SORT_KEYS))}")
        events = sorted(events, key=lambda event: getattr(event, sort_by), reverse=sort_by != "key")
    else:
        events = list(events)
    total = sum(event.self_cpu_time_total for event in events)
    shapes = any(event.input_shapes for event in events)
    stacks = any(event.stack for event in events)
    total_flops = any(event.flops for event in events)
    unit, power = "FLOPs", 1
    if flops and total_flops:
        largest = max(event.flops for event in events)
        unit, power = next(((u, p) for u, p in (("TFLOPs", 1e12), ("GFLOPs", 1e9), ("MFLOPs", 1e6), ("KFLOPs", 1e3)) if largest >= p), ("FLOPs", 1))
    heads = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"]
    heads += ["CPU Mem", "Self CPU Mem"] if memory else []
    heads += ["# of Calls"] + (["Input Shapes"] if shapes else []) + (["Source Location"] if stacks else []) + ([f"Total {unit}"] if flops and total_flops else [])
    rows = []
    for event in events:
        if top_level_only and getattr(event, "cpu_parent", None) is not None:
            continue
        if len(rows) == row_limit:
            break
        row = [_cut(event.key, name_width), _format_time_share(event.self_cpu_time_total, total), event.self_cpu_time_total_str,
               _format_time_share(event.cpu_time_total, total), event.cpu_time_total_str, event.cpu_time_str]
        row += [_format_memory(event.cpu_memory_usage), _format_memory(event.self_cpu_memory_usage)] if memory else []
        row += [str(event.count)] + ([_cut(str(event.input_shapes), shapes_width)] if shapes else [])
        row += [_cut(event.stack[0], source_width) if event.stack else ""] if stacks else []
        row += [f"{event.flops / power:.3f}" if event.flops else "--"] if flops and total_flops else []
        rows.append(row)
    widths = [max(12, *(len(row[i]) for row in [heads, *rows])) for i in range(len(heads))]
    line = "  ".join("-" * width for width in widths)
    text = [line, "  ".join(head.rjust(width) for head, width in zip(heads, widths)), line]
    text += ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows]
    title = ["=" * len(line), header] if header is not None else []
    return "\n".join([*title, *text, line, f"Self CPU time total: {_format_time(total)}", ""])


# --- from the core's records ------------------------------------------------------------------

def events_of(records, start_ns, thread, memory=False, flops=False):
    """EventList of what `_profiler_stop` gave; times count from start_ns."""
    events = EventList(profile_memory=memory, with_flops=flops)
    for i, (name, kind, start, end, parent, sequence, nbytes, inputs, stack) in enumerate(records):
        shapes = [shape for shape, _ in inputs]
        event = FunctionEvent(i + 1, name, kind, thread, (start - start_ns) / 1e3, (end - start_ns) / 1e3, thread if kind in (EVALUATION, BACKWARD) else 0, shapes,
                              ["" if dtype is None else str(dtype) for _, dtype in inputs], stack, sequence, nbytes if memory else 0,
                              _flops(name, shapes) if flops else 0)
        if parent >= 0:
            event.cpu_parent = events[parent]
            events[parent].append_cpu_child(event)
        events.append(event)
    return events


_CATEGORIES = {OPERATOR: "cpu_op", EVALUATION: "cpu_op", BACKWARD: "cpu_op", USER: "user_annotation"}


def write_chrome_trace(events, path, metadata=None):
    """Writes a trace file in Chrome's JSON format; gzipped if the name ends in .gz."""
    import gzip
    import socket
    pid = os.getpid()
    trace = [{"ph": "M", "name": "process_name", "ts": 0, "pid": pid, "tid": 0, "args": {"name": "python"}}]
    for event in events:
        args = {"External id": event.id}
        if event.input_shapes:
            args["Input Dims"], args["Input type"] = event.input_shapes, event.input_dtypes
        if event.sequence_nr >= 0:
            args["Sequence number"], args["Fwd thread id"] = event.sequence_nr, event.fwd_thread
        if event.stack:
            args["Call stack"] = ";".join(event.stack)
        trace.append({"ph": "X", "cat": _CATEGORIES[event.kind], "name": event.trace_name, "pid": pid, "tid": event.thread, "ts": event.time_range.start,
                      "dur": event.cpu_time_total, "args": args})
    content = {"schemaVersion": 1, "deviceProperties": [], "host_name": socket.gethostname(), "displayTimeUnit": "ms", "traceEvents": trace,
               "traceName": os.fspath(path), **(metadata or {})}
    opener = gzip.open if os.fspath(path).endswith(".gz") else open
    with opener(path, "wt") as file:
        json.dump(content, file)

