"""The >>> examples in the documentation of operators and of the Python package show what they really give."""
import doctest
import importlib
import pkgutil

import pytest

import kagari
from kagari import _C

# Importing the first two has effects beyond the package itself; the third needs a package that the tests do without.
APART = ("kagari._alias.site", "kagari.__main__", "kagari.utils.tensorboard")


def operator_examples():
    """(name, text) of every documented operator with an example, once for all the names it has."""
    seen = set()
    for space in sorted(name for name in dir(_C) if name.startswith("_space_")):
        for name, function in sorted(getattr(_C, space).items()):
            text = getattr(function, "__doc__", None) or ""
            if ">>>" in text and text not in seen:
                seen.add(text)
                yield name, text


def module_names():
    for found in pkgutil.walk_packages(kagari.__path__, "kagari."):
        if not found.name.startswith(APART) and "._C" not in found.name:
            yield found.name


def run(name, text, names):
    example = doctest.DocTestParser().get_doctest(text, dict(names), name, None, 0)
    said = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(example, out=said.append, clear_globs=False)
    assert not said, "".join(said)


@pytest.mark.parametrize("name, text", list(operator_examples()), ids=lambda value: value if len(value) < 40 else "")
def test_operator(name, text):
    run(name, text, {"torch": kagari, "kagari": kagari})


@pytest.mark.parametrize("name", list(module_names()))
def test_module(name):
    module = importlib.import_module(name)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, extraglobs={"torch": kagari, "kagari": kagari}):
        if test.examples:
            said = []
            doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
            assert not said, "".join(said)
