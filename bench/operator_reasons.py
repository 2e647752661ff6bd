"""Why an operator is still slower than the limits of operators.py: (pattern on "operator dtype size", reason), the first that matches."""
import re

REASONS = []
HALF_REASONS = []


def reason(case, half=False):
    family, text, form, layout, dtype, size, g = case
    subject = f"{text}{' ' + layout if layout else ''}{' +backward' if g else ''} {dtype} {size}"
    return next((why for pattern, why in (HALF_REASONS if half else REASONS) if re.search(pattern, subject)), "")
