"""Print the ten files that took longest to compile in a Ninja build directory.

    python tools/slowest_compiles.py build/dev
"""
import os
import sys


def main(directory):
    seconds = {}
    with open(os.path.join(directory, ".ninja_log")) as log:
        for line in log:
            fields = line.split("\t")
            if len(fields) >= 4 and fields[3].endswith(".o"):
                seconds[fields[3]] = (int(fields[1]) - int(fields[0])) / 1000
    print(f"{sum(seconds.values()):.0f} s of compiling in {len(seconds)} files; the slowest:")
    for path in sorted(seconds, key=seconds.get, reverse=True)[:10]:
        print(f"{seconds[path]:7.1f} s  {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
