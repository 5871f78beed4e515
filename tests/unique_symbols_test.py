"""unique_symbols_test.py READELF FOLDER...: none of the module libraries in these folders has a symbol that a process has once,
whoever defines it (GNU_UNIQUE): a new version of a module that is loaded beside the old one would use the old one's."""
import pathlib
import subprocess
import sys

# Has one, to see what is said of such a library.
EXCEPTIONS = {"version_4.so", "by_hand_module.so", "libbeside.so"}

readelf, *folders = sys.argv[1:]
libraries = sorted(library for folder in folders for library in pathlib.Path(folder).glob("*.so"))
assert len(libraries) > 10, f"only {len(libraries)} module libraries in {folders}"
failed = False
for library in libraries:
    symbols = subprocess.run([readelf, "--dyn-syms", "--wide", library], check=True, capture_output=True, text=True).stdout
    unique = [line.split()[7] for line in symbols.splitlines() if " UNIQUE " in line]
    if unique and library.name not in EXCEPTIONS:
        failed = True
        print(f"{library} has GNU_UNIQUE symbols, {', '.join(unique)}; build it with -fno-gnu-unique")
sys.exit(failed)
