"""Facts about this installation, for reports of problems: `python -m kagari.utils.collect_env`."""
import os
import platform
import sys


def get_pretty_env_info():
    """The facts as text, one per line."""
    import importlib.metadata

    import kagari

    def version(name):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return "not installed"
    facts = {"kagari": version("kagari"), "answers for PyTorch": kagari.__version__, "Python": sys.version.replace("\n", " "),
             "platform": platform.platform(), "CPU": platform.processor() or platform.machine(), "CPUs of this process": len(os.sched_getaffinity(0)),
             "kernels": kagari.backends.cpu.get_cpu_capability(), "threads": kagari.get_num_threads(), "CUDA": "no",
             "NumPy": version("numpy")}
    return "\n".join(f"{name}: {value}" for name, value in facts.items())


def get_env_info():
    return get_pretty_env_info()


def main():
    print(get_pretty_env_info())


if __name__ == "__main__":
    main()
