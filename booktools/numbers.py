"""Numbers quoted in prose, bound to the expressions they come from.

A comment after a number binds it; no renderer shows the comment:

    The forecast carries 1.75<!--= H_weather --> bits.

`<!--= expr -->` is evaluated where it stands, after all cells above it have run.
`<!--=> expr -->` looks ahead: it is evaluated after the next code cell.
Several expressions, separated by `;`, bind as many numbers before the comment, in order.
Captions in a code cell's metadata follow the same rules and are evaluated after that cell.

The number is right if the value, rounded to the digits shown, prints as that number. Every
decimal, percentage, number in scientific notation and number with a unit of information, size,
time or ratio must be bound; integers that count or index need not be. There is no opt-out.
This module reads and compares text; it runs nothing. `nbval_numbers` and `run` evaluate.
"""

import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

COMMENT = re.compile(r"<!--(?P<kind>=>|=)?(?P<body>.*?)(?P<close>-->|\Z)", re.DOTALL)

MINUS = "-−–"
NAME = "A-Za-z0-9_Α-ω"  # not \\w: in Chinese, a number follows the word before it without a space
SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
THOUSANDS = r"(?:,|\{,\}|\\,|[\u00a0\u2009\u202f])"
DIGITS = rf"(?:\d{{1,3}}(?:{THOUSANDS}\d{{3}})+(?!\d)|\d+)(?:\.\d+)?"
NUMBER = re.compile(
    rf"""
    (?<![{NAME}.\\])                            # not inside a name, nor after a dot
    (?P<sign>(?:(?<![{NAME})\]}}])[{MINUS}])?)    # a sign, not the minus of a subtraction
    (?:
      (?P<mantissa>{DIGITS})
        (?: \s*(?:\\times|\\cdot|×|·)\s*10\s*
            (?: \^\s*(?:\{{(?P<tex>[{MINUS}+]?\d+)\}}|(?P<tex1>\d)) | (?P<sup>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+) )
          | [eE](?P<e>[-+]?\d+) )
    | \\[dt]?frac\s*\{{(?P<num>\d+)\}}\s*\{{(?P<den>\d+)\}}
    | \\[dt]?frac\s*(?P<num1>\d)\s*(?P<den1>\d)
    | (?P<num2>\d+)/(?P<den2>\d+)(?![{NAME}./])
    | (?P<infinity>∞|\\infty(?![A-Za-z]))
    | (?P<plain>{DIGITS})
    )
    (?![\d])
    (?P<percent>(?:\s|\\,|~|[\u00a0\u202f])?\\?%)?
    """,
    re.VERBOSE,
)

# What may stand between a number and its unit: closing mathematics, spaces, a hyphen, \text{.
TO_UNIT = r"(?:\$|~|\\[,;: ]|&nbsp;|[\s\u00a0\u2009\u202f-])*(?:\\(?:text|mathrm|,)\s*\{?\s*)*"
UNITS = (
    r"(?:[kMGT]i?)?(?:bits?|nats?|bans?|dits?|hartleys?|shannons?|bytes?)"
    r"|(?:kilo|mega|giga)(?:bits?|bytes?)|[kMGT]i?B|B"
    r"|[mµn]?s|(?:milli|micro|nano)?seconds?|minutes?|hours?|days?"
    r"|times|fold|per\s?cent|percentage\spoints?"
)
UNIT_AFTER = re.compile(rf"{TO_UNIT}(?:(?:{UNITS})(?![A-Za-z])|×(?!\s*[\d\\$]))")

# Where numbers are no quantities, besides blocks of code: fences and directive options, code
# spans, link targets, HTML tags, versions.
TAGS = "a|b|br|code|details|div|em|i|img|kbd|p|pre|span|strong|sub|summary|sup|t[abdhr]\\w*"
FENCE = re.compile(r"^ {0,3}(?P<marks>`{3,}|~{3,})(?P<info>.*)$")
EXEMPT = (
    re.compile(r"^(?:`{3,}|~{3,}|:{3,}).*$|^:[\w-]+:.*$|^\([\w:-]+\)=$", re.MULTILINE),
    re.compile(
        r"(?:\{[\w:-]+\})?(?<!`)(?P<t>`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)(?P=t)(?!`)", re.DOTALL
    ),
    re.compile(r"\]\([^)\s]*\)"),
    re.compile(rf"</?(?:{TAGS})(?:\s+[A-Za-z-]+(?:=\"[^\"]*\")?)*\s*/?>"),
    re.compile(r"\$\$\s*\([\w:-]+\)"),
    re.compile(r"§\s?\d+(?:\.\d+)*"),
    re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}"),
)
# Integer subscripts, and integer exponents of anything but a power of ten, index; they are
# no quantities.
INDEX = re.compile(r"_(?:\d|\{\d+\})|(?<!10)\^(?:\d|\{[-−+]?\d+\})")


@dataclass(frozen=True)
class Shown:
    """A number as it stands in the text."""

    start: int
    stop: int
    text: str
    needs_binding: bool


@dataclass(frozen=True)
class Bound:
    """A number, the expression that it is bound to, and whether that looks ahead."""

    shown: Shown
    expression: str
    ahead: bool


@dataclass(frozen=True)
class Fault:
    """Something wrong in the text itself, found without running anything."""

    position: int
    message: str


def parse(text: str) -> tuple[list[Bound], list[Fault]]:
    """Bound numbers of a Markdown text, and faults: unbound numbers and bad comments."""
    numbers, comments = _numbers(text), list(COMMENT.finditer(text))
    bound, faults, taken = [], [], set()
    previous_end = 0
    for comment in comments:
        begin, end = comment.span()
        if not comment["close"]:
            faults.append(Fault(begin, f"this comment is never closed: {_near(text, begin)!r}"))
            continue
        if not comment["kind"]:
            continue
        expressions = [e.strip() for e in comment["body"].split(";")]
        if not all(expressions):
            faults.append(Fault(begin, f"this comment binds no expression: {comment.group()!r}"))
            continue
        # A binding reaches back to the comment before it, and not past a blank line.
        paragraph = max(previous_end, text.rfind("\n\n", 0, begin) + 1)
        before = [n for n in numbers if paragraph <= n.start and n.stop <= begin]
        previous_end = end
        if len(before) < len(expressions):
            faults.append(
                Fault(
                    begin,
                    f"{comment.group()!r} binds {len(expressions)} number(s), but "
                    f"{len(before)} stand(s) before it; put it right after the number",
                )
            )
            continue
        for shown, expression in zip(before[-len(expressions) :], expressions, strict=True):
            taken.add(shown.start)
            bound.append(Bound(shown, expression, comment["kind"] == "=>"))
    for number in numbers:
        if number.needs_binding and number.start not in taken:
            faults.append(
                Fault(
                    number.start,
                    f"{number.text} is bound to nothing, in {_near(text, number.start)!r}; "
                    "write <!--= expression --> after it",
                )
            )
    return bound, sorted(faults, key=lambda f: f.position)


def _numbers(text: str) -> list[Shown]:
    visible = _without_code_blocks(COMMENT.sub(_blank, text))
    for pattern in EXEMPT:
        visible = pattern.sub(_blank, visible)
    visible = INDEX.sub(_blank, visible)
    found = []
    for match in NUMBER.finditer(visible):
        is_decimal = "." in (match["plain"] or "")
        if match["plain"] and not is_decimal and text.startswith("^", match.end()):
            continue  # the base of a power, as in 2^n
        needs = bool(
            is_decimal
            or match["mantissa"]
            or match["percent"]
            or (not match["infinity"] and UNIT_AFTER.match(visible, match.end()))
        )
        found.append(Shown(match.start(), match.end(), match.group(), needs))
    return found


def _without_code_blocks(text: str) -> str:
    """Code blocks blanked; what stands in a directive's fences is prose and stays."""
    lines, fences = text.split("\n"), []
    for i, line in enumerate(lines):
        fence = FENCE.match(line)
        info = fences[-1]["info"].strip() if fences else "{}"
        in_code = info.startswith("{code") or not info.startswith("{")
        if in_code:
            lines[i] = " " * len(line)
        if fence and fences and not fence["info"].strip():
            if fence["marks"].startswith(fences[-1]["marks"]):
                fences.pop()
        elif fence and not in_code:
            fences.append(fence)
    return "\n".join(lines)


def _blank(match: re.Match) -> str:
    return re.sub(r"[^\n]", " ", match.group())


def _near(text: str, position: int, width: int = 40) -> str:
    before, after = COMMENT.sub("", text[:position]), COMMENT.sub("", text[position:])
    return " ".join((before[-width:] + after[:width]).split())


def near(text: str, bound: Bound) -> str:
    """The words around a bound number, for a message."""
    return _near(text, bound.shown.start)


# --- values ---------------------------------------------------------------------------------


def agrees(shown: str, value: float) -> bool:
    """Whether `value`, at the digits of `shown`, prints as `shown`."""
    match = NUMBER.fullmatch(shown)
    if match is None:
        raise ValueError(f"{shown!r} is no number")
    if isinstance(value, complex) or math.isnan(value):
        return False
    sign = -1 if match["sign"] else 1
    if match["infinity"]:
        return value == sign * math.inf
    if math.isinf(value):
        return False
    num = match["num"] or match["num1"] or match["num2"]
    if num:
        fraction = sign * Fraction(int(num), int(match["den"] or match["den1"] or match["den2"]))
        return abs(value - float(fraction)) <= 4 * math.ulp(float(fraction))
    mantissa, exponent = _mantissa(match), _exponent(match)
    if match["percent"]:
        exponent -= 2
    with localcontext(prec=400):  # digits of the largest float: quantize must never be inexact
        unit = Decimal(1).scaleb(mantissa.as_tuple().exponent + exponent)
        # repr, not the exact binary value: 0.125 and 2.675 are ties for the reader.
        rounded = Decimal(repr(float(value))).quantize(unit, rounding=ROUND_HALF_EVEN)
        return rounded == sign * mantissa.scaleb(exponent)


def write(shown: str, value: float) -> str:
    """`value` in the form of `shown`: the same digits after the point, the same notation."""
    match = NUMBER.fullmatch(shown)
    negative = value < 0 or (value == 0 and math.copysign(1, value) < 0)
    minus = match["sign"] or ("\\" not in shown and "−" or "-")
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return (minus if negative else "") + ("\\infty" if "\\" in shown else "∞")
    if match["infinity"]:
        return f"{value:.4g}"
    num = match["num"] or match["num1"] or match["num2"]
    if num:
        fraction = Fraction(abs(value)).limit_denominator(1000)
        body = f"{fraction.numerator}/{fraction.denominator}"
        if shown.lstrip(MINUS).startswith("\\"):
            head = re.match(r"\\[dt]?frac", shown.lstrip(MINUS)).group()
            body = f"{head}{{{fraction.numerator}}}{{{fraction.denominator}}}"
        return (minus if negative else "") + body
    digits = -_mantissa(match).as_tuple().exponent
    percent = match["percent"] or ""
    # As in `agrees`: the value as Python writes it, so that a tie for the reader is one here.
    scaled = Decimal(repr(abs(float(value)))) * (100 if percent else 1)
    if match["mantissa"]:
        zero = f"{0:.{digits}f}", "0"  # which Decimal would write as 0.00e+2
        head, power = f"{scaled:.{digits}e}".split("e") if scaled else zero
        old = match["tex"] or match["tex1"] or match["sup"] or match["e"]
        new = str(int(power))
        if match["sup"]:
            new = new.translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
        text = match.group().removeprefix(match["sign"]).removesuffix(percent)
        tail = text.removeprefix(match["mantissa"])
        # Braces around a one-digit exponent that grows would be lost: always write them.
        if match["tex1"] and len(new) > 1:
            new = "{" + new + "}"
        body = head + tail[: tail.rindex(old)] + new + tail[tail.rindex(old) + len(old) :]
    else:
        with localcontext(prec=400):
            scaled = scaled.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
        separator = re.search(THOUSANDS, match["plain"])
        body = f"{scaled:,f}" if separator else f"{scaled:f}"
        if separator:
            body = body.replace(",", separator.group())
        negative = negative and scaled != 0
    return (minus if negative else "") + body + percent


def _mantissa(match: re.Match) -> Decimal:
    return Decimal(re.sub(THOUSANDS, "", match["mantissa"] or match["plain"]))


def _exponent(match: re.Match) -> int:
    power = match["tex"] or match["tex1"] or match["sup"] or match["e"] or "0"
    return int(re.sub(r"[−–]", "-", power.translate(SUPERSCRIPT)))


def verdict(text: str, bound: Bound, value: float) -> str | None:
    """None if the bound number agrees with its value; otherwise the sentence that says how not."""
    if agrees(bound.shown.text, value):
        return None
    return (
        f"the text says {bound.shown.text} near {near(text, bound)!r}, but "
        f"{bound.expression} is {value!r}; write {write(bound.shown.text, value)}"
    )
