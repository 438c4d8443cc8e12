"""The reader of quoted numbers: what it finds, what it demands, when it agrees."""

import math
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from booktools.numbers import agrees, parse, write


def bound(text):
    return [(b.shown.text, b.expression, b.ahead) for b in parse(text)[0]]


def faults(text):
    return [fault.message for fault in parse(text)[1]]


class TestBinding:
    @pytest.mark.parametrize(
        "text, expected",
        [
            ("carries 1.75<!--= H --> bits", [("1.75", "H", False)]),
            ("so $H(P) = 1.75$<!--= H -->,", [("1.75", "H", False)]),
            ("it rains with probability 0.2<!--=> p_rain -->", [("0.2", "p_rain", True)]),
            ("which is 87.5%<!--= H / 2 --> of it", [("87.5%", "H / 2", False)]),
            (r"$87.5\%$<!--= r -->", [(r"87.5\%", "r", False)]),
            (r"$9.57\times10^{-24}$<!--= k --> J/K", [(r"9.57\times10^{-24}", "k", False)]),
            ("9.57 × 10⁻²⁴<!--= k --> J/K", [("9.57 × 10⁻²⁴", "k", False)]),
            ("1.5e-7<!--= k -->", [("1.5e-7", "k", False)]),
            ("1,234.5<!--= n --> bytes", [("1,234.5", "n", False)]),
            (r"$12{,}345$<!--= n --> bytes", [("12{,}345", "n", False)]),
            ("falls by −3.2<!--= d -->", [("−3.2", "d", False)]),
            ("$x = -3.2$<!--= d -->", [("-3.2", "d", False)]),
            ("$a-3.2$<!--= d -->", [("3.2", "d", False)]),
            (r"$\frac{3}{8}$<!--= p -->", [(r"\frac{3}{8}", "p", False)]),
            (r"$\tfrac38$<!--= p -->", [(r"\tfrac38", "p", False)]),
            ("3/8<!--= p -->", [("3/8", "p", False)]),
            ("the loss is ∞<!--= loss -->", [("∞", "loss", False)]),
            ("**1.75**<!--= H --> bits", [("1.75", "H", False)]),
            ("概率0.5<!--= p -->", [("0.5", "p", False)]),
            ("$$\na = 0.25,\\; b = 0.75\n$$ (eq-x)\n<!--= a; b -->", [
                ("0.25", "a", False), ("0.75", "b", False)]),
            ("| 0.25<!--= a --> | 0.75<!--= b --> |", [
                ("0.25", "a", False), ("0.75", "b", False)]),
        ],
    )  # fmt: skip
    def test_reads(self, text, expected):
        assert bound(text) == expected
        assert faults(text) == []

    def test_an_index_or_an_exponent_is_not_taken_for_the_number(self):
        assert bound("$0.5 = 2^{-1} = p_1$<!--= p -->") == [("0.5", "p", False)]


class TestCompleteness:
    @pytest.mark.parametrize(
        "text, number",
        [
            ("about 0.5 of it", "0.5"),
            ("about 50% of it", "50%"),
            (r"about $50\,\%$ of it", r"50\,\%"),
            (r"$3\times10^{8}$", r"3\times10^{8}"),
            ("3e8", "3e8"),
            ("1 bit", "1"),
            ("$2$ nats", "2"),
            (r"$2\text{ nats}$", "2"),
            ("8-bit", "8"),
            ("100 kB", "100"),
            ("15 s", "15"),
            ("20 ms", "20"),
            ("3 times", "3"),
            ("12× smaller", "12"),
            ("a 2-fold gain", "2"),
            ("| 0.5 |", "0.5"),
            ("1,234 bytes", "1,234"),
            ("$2^{0.5}$", "0.5"),
            ("概率为0.5", "0.5"),
            ("```{note}\n0.5\n```", "0.5"),
            ("<details>\n<summary>s</summary>\n\n0.5\n\n</details>", "0.5"),
            ("```{exercise-start}\n:label: e\n```\n0.5\n```{exercise-end}\n```", "0.5"),
            ("````{note}\n```python\n1.5\n```\n0.5\n````", "0.5"),
            ("~~~\n1.5\n~~~\n0.5", "0.5"),
            ("a stray ` mark\n\n0.5 and another ` there", "0.5"),
            ("if a <b and 0.5 > c", "0.5"),
        ],
    )
    def test_demands_a_binding(self, text, number):
        (message,) = faults(text)
        assert message.startswith(f"{number} is bound to nothing")

    @pytest.mark.parametrize(
        "text",
        [
            "two models, 3 chapters, 20 questions",
            r"$\log_2 52!$ and $x^{2}$",
            "`0.5 bits` and ``1.5``",
            "```python\nx = 0.5\n```",
            "~~~\n0.5\n```\n0.5\n~~~",
            "```{code-block} python\n0.5\n```",
            "see [the page](a/0.5.html)",
            '<img src="x" width="50%">',
            "```{figure} x\n:width: 50%\n```",
            "{numref}`fig-0.5`",
            "Theorem 2.6.3 and §5.4",
            "in 1948, pages 379–423",
            "$3 × 4$ and $3 \\times 4$",
            "<!-- a plain comment with 0.5 -->",
            "(label-05)=",
        ],
    )
    def test_leaves_alone(self, text):
        assert faults(text) == []


class TestFaults:
    def test_no_number_before_the_comment(self):
        (message,) = faults("The entropy<!--= H --> of it")
        assert "binds 1 number(s), but 0 stand(s) before it" in message

    def test_a_number_in_another_paragraph_is_not_before_the_comment(self):
        assert "binds 1 number(s)" in faults("There are 3.\n\nThe entropy<!--= H -->")[0]

    def test_a_number_is_bound_once(self):
        assert "binds 1 number(s)" in faults("0.5<!--= a --><!--= b -->")[0]

    def test_unclosed_comment(self):
        assert any("never closed" in message for message in faults("0.5<!--= H and more"))

    def test_empty_expression(self):
        assert any("binds no expression" in message for message in faults("0.5<!--= -->"))


class TestAgreement:
    @pytest.mark.parametrize(
        "shown, value",
        [
            ("1.75", 1.7549999),
            ("1.75", 1.745001),
            ("0.12", 0.125),  # ties to even
            ("2.68", 2.675),  # as the decimal that it is written as
            ("87.5%", 0.875),
            ("−3.2", -3.24),
            ("0.00", 0.0),
            ("1,234.5", 1234.54),
            ("12{,}345", 12345.4),
            (r"9.57\times10^{-24}", 9.5699e-24),
            ("9.57 × 10⁻²⁴", 9.5699e-24),
            ("3/8", 0.375),
            (r"\tfrac13", 1 / 3),
            ("∞", math.inf),
            (r"-\infty", -math.inf),
            ("2", 2.4),
        ],
    )
    def test_agrees(self, shown, value):
        assert agrees(shown, value)

    @pytest.mark.parametrize(
        "shown, value",
        [
            ("1.75", 1.7551),
            ("1.75", -1.75),
            ("87.5%", 87.5),
            ("−3.2", 3.2),
            (r"9.57\times10^{-24}", 9.57e-23),
            ("3/8", 0.376),
            ("∞", 1e308),
            ("1.75", math.inf),
            ("1.75", math.nan),
            ("∞", math.nan),
        ],
    )
    def test_disagrees(self, shown, value):
        assert not agrees(shown, value)

    @given(
        st.floats(-1e15, 1e15),
        st.sampled_from(["1.75", "7", "87.5%", "1,234.56", "1.5e-3", "2.5 × 10⁻³", "-0.125"]),
    )
    @example(5e-324, "1.5e-3")
    @example(2.665e-3, "1.25e-3")
    def test_what_is_written_agrees(self, value, form):
        assert agrees(write(form, value), value)

    def test_zero_has_no_power(self):
        assert write("1.50e-3", 0.0) == "0.00e0"

    @given(st.floats(-1e5, 1e5), st.integers(0, 9))
    def test_a_number_and_its_neighbours_never_both_agree(self, value, digits):
        shown = write(f"{1:.{digits}f}", value).replace("−", "-")
        unit = Decimal(1).scaleb(-digits)
        assert agrees(shown, value)
        assert not agrees(f"{Decimal(shown) + unit:f}", value)
        assert not agrees(f"{Decimal(shown) - unit:f}", value)

    def test_infinity_is_written_in_the_notation_of_the_text(self):
        assert write("1.5", math.inf) == "∞"
        assert write(r"2\times10^{3}", -math.inf) == r"-\infty"
