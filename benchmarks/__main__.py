"""Measure, and write the appendix "How exact, how fast" with its figure: `make bench`."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt

from benchmarks import coders, exactness, rmse, speed
from infolib import plots
from infolib.datasets import load_text

BOOK = Path(__file__).parents[1] / "book"
PAGE = BOOK / "appendix_exactness_speed.md"
FIGURE = BOOK / "growth.svg"
TEMPLATE = Path(__file__).with_name("page.md")


def table(head, lines):
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


def exact_table(errors):
    def shown(units, unit):
        if units * unit > 0.5:
            return "no digit"
        return f"{units:.2f}" if units < 100 else f"{units:.0e}"

    lines = []
    for quantity, methods in errors.items():
        ours = max(e for name, e in methods.items() if name.startswith("infolib"))
        others = {name: e for name, e in methods.items() if not name.startswith("infolib")}
        peer, worst = min(others.items(), key=lambda item: item[1])
        unit = exactness.F32 if "float32" in quantity else 2.0**-52
        lines.append((quantity, shown(ours, unit), shown(worst, unit), f"`{peer}`"))
    return table(("quantity", "infolib, units", "best of the others, units", "by"), lines)


def draw(curves):
    plots.use_style()
    plt.rcParams["svg.hashsalt"] = "the same file for the same figures"
    _, ax = plt.subplots()
    for style, (name, (n, ns)) in enumerate(curves.items()):
        plots.curve(n, ns, label=name, style=style, ax=ax)
        ax.lines[-1].set(marker="o^sD"[style], markersize=4)
    ax.set(xscale="log", yscale="log", xlabel="outcomes", ylabel="nanoseconds an outcome")
    ax.legend()
    plt.savefig(FIGURE, metadata={"Date": None})
    plt.close()


def say(step):
    print(step, file=sys.stderr, flush=True)


def main():
    runs = 60
    say("1/5 worst errors (a minute)")
    exact = exact_table(exactness.errors(draws=5, seed=0))
    say("2/5 times beside peers")
    fast = speed.table()
    head = ("what", "infolib", "peer", "its time", "infolib is", "target", "")
    say("3/5 growth with the number of outcomes")
    draw(speed.growth())
    say("4/5 errors of estimators")
    lines = rmse.table(runs)
    errors = table(("estimator", "geometric mean of 35 ratios", "worst"), lines)
    say("5/5 coders")
    sizes, repeated = coders.table(), coders.table(coders.REPEATED)
    of_coders = ("coder", "size / $n H_0$", "encode, MB/s", "decode, MB/s")
    page = TEMPLATE.read_text("utf8").format(
        machine="\n".join(f"- {line}" for line in speed.machine()),
        exact=exact,
        outcomes=max(exactness.SIZES),
        digits=exactness.DIGITS,
        fast=table(head, fast),
        met=sum(line[-1] == "met" for line in fast),
        targets=sum(line[-1] != "" for line in fast),
        runs=runs,
        errors=errors,
        own=sum(float(size) > 0.99 for _, size, *_ in sizes),
        size=f"{len(load_text('english').encode()):,}",
        coders=table(of_coders, sizes),
        repeats=coders.REPEATED,
        repeated=table(of_coders, repeated),
    )
    PAGE.write_text(page, encoding="utf8")
    print("\n".join(" | ".join(line) for line in fast))
    print(f"written: {PAGE.name} and {FIGURE.name}")


if __name__ == "__main__":
    main()
