"""Run all benchmarks, or the named ones, and show their ratios with the goals. Misses are shown, not failures.

Usage: ./dev bench [NAME …]      (a NAME with options: python -m bench.NAME --help)
"""

import re
import subprocess
import sys

NAMES = ("import_csv", "import_xlsx", "pages", "statements", "sweep", "throughput", "visits")


def main() -> None:
    wanted = sys.argv[1:] or NAMES
    unknown = set(wanted) - set(NAMES)
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}.")
    found: list[str] = []
    for name in wanted:
        print(f"== {name}", flush=True)
        run = subprocess.Popen([sys.executable, "-m", f"bench.{name}"], stdout=subprocess.PIPE, text=True)
        assert run.stdout is not None
        for line in run.stdout:
            print(line, end="", flush=True)
            found += re.findall(r"^RATIO (.*)", line)
        if run.wait():
            found.append(f"{name}: it did not run (exit {run.returncode})")
    print("\nratio                goal")
    for line in found:
        print(line)


if __name__ == "__main__":
    main()
