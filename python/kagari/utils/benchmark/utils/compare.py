"""Compare: measurements as tables."""
import collections
import enum
import itertools
import math

from kagari.utils.benchmark.utils import common

__all__ = ["Colorize", "Compare"]
_BEST, _GOOD, _BAD, _VERY_BAD, _BOLD, _TERMINATE = "\033[92m", "\033[34m", "\033[2m\033[91m", "\033[31m", "\033[1m", "\033[0m"


class Colorize(enum.Enum):
    """What the best and worst are sought in."""
    NONE = "none"
    COLUMNWISE = "columnwise"
    ROWWISE = "rowwise"


class Compare:
    """Tables of measurements: one per label, rows by sub_label, columns by description, sections by number of threads."""

    def __init__(self, results):
        self._results, self._trim, self._colorize, self._warn = [], False, Colorize.NONE, False
        self.extend_results(results)

    def extend_results(self, results):
        """More measurements."""
        for result in results:
            if not isinstance(result, common.Measurement):
                raise ValueError(f"Expected an instance of `Measurement`, got {type(result)} instead.")
        self._results.extend(results)

    def trim_significant_figures(self):
        """Show only digits that the spread of the times supports."""
        self._trim = True

    def colorize(self, rowwise=False):
        """Colour the fastest and the slow ones, in each column or in each row."""
        self._colorize = Colorize.ROWWISE if rowwise else Colorize.COLUMNWISE

    def highlight_warnings(self):
        """Mark measurements with a wide spread."""
        self._warn = True

    def print(self):
        """Prints the tables."""
        print(str(self))

    def __str__(self):
        return "\n".join(self._render())

    def _render(self):
        groups = collections.OrderedDict()
        for result in common.Measurement.merge(self._results):
            groups.setdefault(result.label, []).append(result)
        return [self._table(group) for group in groups.values()]

    def _table(self, results):
        unit, factor = common.select_unit(min(result.median for result in results))
        columns = common.ordered_unique(result.description for result in results)
        environments = common.ordered_unique(result.env for result in results)
        several = len(environments) > 1
        rows = common.ordered_unique((result.num_threads, (f"({result.env}) " if several else "") + result.as_row_name) for result in results)
        rows = [row for _, group in itertools.groupby(sorted(rows, key=lambda row: row[0]), key=lambda row: row[0]) for row in group]
        cells = {}
        for result in results:
            cells[(result.num_threads, (f"({result.env}) " if several else "") + result.as_row_name), result.description] = result
        texts = {at: self._number(result, factor) for at, result in cells.items()}
        spare = 2
        widths = [max(len(str(column)) if column is not None else 0, *(len(texts.get((row, column), "")) for row in rows)) + 2 * spare for column in columns]
        first = max(len(f"{max(row[0] for row in rows)} threads: "), *(len(row[1]) + 8 for row in rows))
        title = f" {results[0].label} " if results[0].label is not None else ""
        total = first + sum(width + 1 for width in widths)
        lines = ["[" + title.center(total - 2, "-") + "]",
                 " " * first + "".join("|" + (str(column) if column is not None else "").center(width) for column, width in zip(columns, widths))]
        threads = None
        for row in rows:
            if row[0] != threads:
                threads = row[0]
                lines.append(f"{threads} threads: ".ljust(total, "-"))
            line = f"      {row[1]}".ljust(first)
            for column, width in zip(columns, widths):
                text = texts.get((row, column), "").rjust(width - spare) + " " * spare
                line += "|" + self._coloured(text, cells, row, column, rows, columns)
            lines.append(line.rstrip() if self._colorize is Colorize.NONE else line)
        lines += ["", f"Times are in {common.unit_to_english(unit)}s ({unit})."]
        if self._warn and any(result.has_warnings for result in results):
            lines.append("(! XX%) Measurement has high variance, where XX is the IQR / median * 100.")
        return "\n".join(lines) + "\n"

    def _number(self, result, factor):
        value = result.median / factor
        if self._trim:
            figures = result.significant_figures
            value = common.trim_sigfig(value, figures)
            digits = max(0, figures - 1 - math.floor(math.log10(abs(value)))) if value else 0
            text = f"{value:.{digits}f}"
        else:
            text = f"{value:.1f}"
        return text + (f" (! {result.iqr / result.median * 100:.0f}%)" if self._warn and result.has_warnings else "")

    def _coloured(self, text, cells, row, column, rows, columns):
        result = cells.get((row, column))
        if self._colorize is Colorize.NONE or result is None:
            return text
        peers = [(row, other) for other in columns] if self._colorize is Colorize.ROWWISE else [(other, column) for other in rows if other[0] == row[0]]
        best = min(cells[peer].median for peer in peers if peer in cells)
        ratio = result.median / best
        if result.median == best or ratio < 1.02:
            return f"{_BEST}{_BOLD}{text}{_TERMINATE}"
        colour = _GOOD if ratio < 1.1 else "" if ratio < 1.5 else _BAD if ratio < 2 else _VERY_BAD + _BOLD
        return f"{colour}{text}{_TERMINATE}" if colour else text
