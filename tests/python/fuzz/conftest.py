def pytest_addoption(parser):
    parser.addoption("--fuzz-calls", type=int, default=None, help="how many random calls of operators the fuzz test makes")
