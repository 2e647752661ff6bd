def pytest_addoption(parser):
    parser.addoption("--fuzz-calls", type=int, default=None, help="how many random calls of operators the fuzz test makes")
    parser.addoption("--fuzz-seed", type=int, default=None, help="which random calls the fuzz test makes")
