"""Time the operators of operator_table.py under kagari and under PyTorch, and report the worst ratios.

    python operators.py                                   # both importable by this interpreter
    python operators.py --python-b PATH --json out.json   # torch lives in another environment
    python operators.py --only 'softmax|^norm' --dtype float32 --size 1M
    python operators.py --python-b PATH --report ../docs/operator-speed.md

The ratio is kagari's best time over PyTorch's: above 1 means that kagari is slower. Both run the same text, case by case in turn, each in a
process of its own. A first pass times everything briefly; what looks slow in it (a ratio above 1.25, or a half type above 1.1 times float32)
is timed again, in turn and longer, until it is either not slow or has been slow in every round.
"""
import argparse, datetime, json, math, platform, re, sys, time, warnings

from operator_reasons import reason
from operator_table import MAKERS, SIZES, Operands, cases
from side_by_side import Side, best_time, load, serve

SLOW, HALF_SLOW = 1.25, 1.1


def function_of(torch, text):
    """The bare name of an operator at the start of `text` becomes a path from torch."""
    name = text.split("(")[0]
    if not re.fullmatch(r"[a-z_0-9]+(\.[a-z_0-9]+)*", name) or name.split(".")[0] in MAKERS:
        return text
    for path in ("torch", "torch.special", "F"):
        owner = {"torch": torch, "torch.special": torch.special, "F": torch.nn.functional}[path]
        if name != "torch" and hasattr(owner, name.split(".")[0]):
            return f"{path}.{text}"
    return text


def prepared(torch, form, operands, with_gradients):
    """A function without arguments that evaluates the expression once."""
    text = function_of(torch, form)
    names = [n for n in compile(text, "case", "eval").co_names if n in MAKERS and re.search(rf"(?<![\w.]){n}(?!\w)", text)]
    compute = eval(f"lambda {','.join(names)}: {text}", {"torch": torch, "F": torch.nn.functional})
    values = [operands[n] for n in names]
    if any(re.search(rf"(?<![\w.]){n}\.\w+_\(", text) for n in names):
        values = [v.clone() for v in values]
    if not with_gradients:
        return lambda: compute(*values)
    values = [v.detach().requires_grad_() if v.is_floating_point() and n not in ("mean16", "var16") else v for n, v in zip(names, values)]
    leaves = [v for v in values if v.requires_grad]
    first = lambda out: out if isinstance(out, torch.Tensor) else out[0]
    out = first(compute(*values))
    weight = torch.ones_like(out)
    leaves = [leaf for leaf, g in zip(leaves, torch.autograd.grad(out, leaves, weight, allow_unused=True)) if g is not None]
    return lambda: torch.autograd.grad(first(compute(*values)), leaves, weight)


def worker(impl, threads):
    warnings.simplefilter("ignore")
    torch = load(impl, threads)
    table, operands = list(cases()), {}
    # One thread is timed by the processor's clock for it, which does not run while others have the processor.
    clock = time.thread_time if threads == 1 else time.perf_counter

    def answer_to(request, answer):
        family, text, form, layout, dtype, size, with_gradients = table[request["case"]]
        key = dtype, size
        if key not in operands:
            operands[key] = Operands(torch, dtype, SIZES[size])
        answer["seconds"] = best_time(prepared(torch, form, operands[key], with_gradients), request["budget"], request["rounds"], clock)

    serve(answer_to)


class Sweep:
    def __init__(self, o):
        self.sides = [Side(o.python_a, o.a, o.threads, __file__), Side(o.python_b, o.b, o.threads, __file__)]
        self.rows = {}
        self.failures = []
        self.attempts = o.attempts
        self.table = list(cases())

    def time(self, n, budget, rounds):
        """Adds one measurement of case n to its row; False if one side cannot run it."""
        answers = [side.ask({"case": n, "budget": budget, "rounds": rounds}) for side in self.sides]
        if "error" in answers[1]:
            return False  # PyTorch has no such operator for this dtype
        if "error" in answers[0]:
            self.failures.append((n, answers[0]["error"]))
            return False
        row = self.rows.setdefault(n, [math.inf, math.inf])
        for k in range(2):
            row[k] = min(row[k], answers[k]["seconds"])
        return True

    def ratio(self, n):
        return self.rows[n][0] / self.rows[n][1]

    def float32_of(self, n):
        family, text, form, layout, dtype, size, g = self.table[n]
        if dtype not in ("bfloat16", "float16"):
            return None
        return self.at.get((family, text, form, layout, "float32", size, g))

    def half_ratio(self, n):
        whole = self.float32_of(n)
        return self.rows[n][0] / self.rows[whole][0] if whole in self.rows else 0.0

    def run(self, chosen, log):
        self.at = {case: n for n, case in enumerate(self.table)}
        for count, n in enumerate(chosen):
            if count % 500 == 0:
                print(f"{count} of {len(chosen)} cases", file=log, flush=True)
            self.time(n, 0.004, 2)
        for attempt in range(self.attempts):
            again = [n for n in self.rows if self.ratio(n) > SLOW]
            halves = [n for n in self.rows if self.half_ratio(n) > HALF_SLOW]
            again = sorted({*again, *halves, *filter(None, map(self.float32_of, halves))})
            print(f"{len(again)} cases again", file=log, flush=True)
            for n in again:
                self.time(n, 0.015, 3)


def label(case):
    family, text, form, layout, dtype, size, g = case
    return f"{text}{' ' + layout if layout else ''}{' +backward' if g else ''}"


def us(seconds):
    return f"{seconds * 1e6:.1f}"


def report(sweep, o):
    """The text of docs/operator-speed.md."""
    rows, table = sweep.rows, sweep.table
    slow = sorted((n for n in rows if sweep.ratio(n) > SLOW), key=sweep.ratio, reverse=True)
    worst = sorted(rows, key=sweep.ratio, reverse=True)[:20]
    halves = sorted((n for n in rows if sweep.half_ratio(n) > HALF_SLOW), key=sweep.half_ratio, reverse=True)
    mean = math.exp(sum(-math.log(sweep.ratio(n)) for n in rows) / len(rows))
    lines = [
        "# Speed of every operator", "",
        "Written by `bench/operators.py --report` (the table of cases is `bench/operator_table.py`); do not edit. The ratio is kagari's time over",
        "PyTorch 2.13's, both from one interleaved run: above 1 means that kagari is slower. Sizes are 65,536 and 1,048,576 elements.", "",
        f"Machine: {processor()}, {o.threads} thread{'s' if o.threads > 1 else ''}, {datetime.date.today()}. {len(rows)} cases: kagari is {mean:.2f} times faster in the geometric mean,",
        f"faster in {sum(sweep.ratio(n) < 1 for n in rows)}, slower by more than a quarter in {len(slow)}.", "",
        "## The worst twenty", "", "| operator | dtype | elements | kagari us | PyTorch us | ratio | reason, if above 1.25 |", "|---|---|---|---|---|---|---|"]

    def row(n):
        a, b = rows[n]
        why = reason(table[n]) if a / b > SLOW else ""
        return f"| `{label(table[n])}` | {table[n][4]} | {table[n][5]} | {us(a)} | {us(b)} | {a / b:.2f} | {why} |".replace("||", "| |")

    lines += map(row, worst)
    if rest := [n for n in slow if n not in worst]:
        lines += ["", "## The others above 1.25", "", *lines[10:12], *map(row, rest)]
    lines += ["", "## Half types above 1.1 times float32", ""]
    if halves:
        lines += ["Of kagari alone; PyTorch's own ratio of the two dtypes stands beside it.", "",
                  "| operator | dtype | elements | half us | float32 us | ratio | PyTorch's ratio | reason |", "|---|---|---|---|---|---|---|---|"]
        for n in halves:
            whole = sweep.float32_of(n)
            lines.append(f"| `{label(table[n])}` | {table[n][4]} | {table[n][5]} | {us(rows[n][0])} | {us(rows[whole][0])} | "
                         f"{sweep.half_ratio(n):.2f} | {rows[n][1] / rows[whole][1]:.2f} | {reason(table[n], half=True)} |")
    else:
        lines.append("None.")
    return "\n".join(lines) + "\n"


def processor():
    try:
        with open("/proc/cpuinfo") as f:
            text = f.read()
    except OSError:
        return platform.processor() or platform.machine()
    name = re.search(r"model name\s*: (.*)", text)
    flags = set(re.search(r"flags\s*: (.*)", text).group(1).split()) if "flags" in text else set()
    best = [label for flag, label in (("avx2", "AVX2"), ("avx512f", "AVX-512"), ("amx_tile", "AMX")) if flag in flags]
    return (name.group(1) if name else platform.machine()) + (f" with {', '.join(best[-2:])}" if best else "")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--a", default="kagari"); ap.add_argument("--b", default="torch")
    ap.add_argument("--python-a", default=sys.executable); ap.add_argument("--python-b", default=sys.executable)
    ap.add_argument("--threads", type=int, default=1); ap.add_argument("--worker")
    ap.add_argument("--only", default=".", help="regular expression on 'family operator layout'")
    ap.add_argument("--attempts", type=int, default=4, help="how often slow cases are timed again")
    ap.add_argument("--dtype", default=".", help="regular expression"); ap.add_argument("--size", default=".")
    ap.add_argument("--all", action="store_true", help="print every case"); ap.add_argument("--json"); ap.add_argument("--report")
    o = ap.parse_args()
    if o.worker:
        return worker(o.worker, o.threads)
    sweep = Sweep(o)
    chosen = [n for n, case in enumerate(sweep.table)
              if re.search(o.only, f"{case[0]} {label(case)}") and re.search(o.dtype, case[4]) and re.search(o.size, case[5])]
    sweep.run(chosen, sys.stderr)
    rows = sweep.rows
    order = sorted(rows, key=sweep.ratio, reverse=True)
    shown = order if o.all else [n for k, n in enumerate(order) if k < 20 or sweep.ratio(n) > SLOW]
    print(f"{o.threads} thread(s); ratio = {o.a} time / {o.b} time, above 1 means {o.a} is slower")
    for n in shown:
        case = sweep.table[n]
        print(f"{case[0]:10} {label(case):52} {case[4]:9} {case[5]:4} {us(rows[n][0]):>10} us {us(rows[n][1]):>10} us  {sweep.ratio(n):5.2f}")
    print("\nhalf types above 1.1 times float32:")
    for n in sorted((n for n in rows if sweep.half_ratio(n) > HALF_SLOW), key=sweep.half_ratio, reverse=True):
        case = sweep.table[n]
        print(f"{case[0]:10} {label(case):52} {case[4]:9} {case[5]:4} {us(rows[n][0]):>10} us {us(rows[sweep.float32_of(n)][0]):>10} us  {sweep.half_ratio(n):5.2f}")
    if sweep.failures:
        print("\nnot run:")
        for n, error in sweep.failures:
            print(f"{label(sweep.table[n]):52} {sweep.table[n][4]:9} {error}")
    if rows:
        mean = math.exp(sum(-math.log(sweep.ratio(n)) for n in rows) / len(rows))
        print(f"\n{len(rows)} cases, {o.a} {mean:.2f} times faster in the geometric mean, {sum(sweep.ratio(n) > SLOW for n in rows)} slower by more than a quarter")
    if o.json:
        keys = ("family", "operator", "expression", "layout", "dtype", "size", "gradients")
        with open(o.json, "w") as f:
            json.dump([dict(zip(keys, sweep.table[n]), a=rows[n][0], b=rows[n][1], ratio=sweep.ratio(n)) for n in order], f, indent=1)
    if o.report and rows:
        with open(o.report, "w") as f:
            f.write(report(sweep, o))


if __name__ == "__main__":
    main()
