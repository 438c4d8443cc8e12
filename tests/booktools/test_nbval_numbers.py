"""The pytest plugin on small notebooks: what is right passes, each fault has its own message."""

from tests.booktools.notebooks import notebook, verify

GIVEN = ("code", "p = 0.2\nx = 7.5\nprint(f'{p:.1f}')", "0.2\n")


def test_numbers_are_items_between_the_cells_on_the_same_kernel(tmp_path):
    outcomes = verify(
        tmp_path / "right.ipynb",
        notebook(
            ("md", "It rains with probability 0.2<!--=> p -->."),
            GIVEN,
            ("md", "So 0.2<!--= p --> and $x = 7.5$<!--= x -->."),
            ("code", "x = 8", ""),
            ("md", "Now 8.0<!--= x -->."),
            ("code", "print(1)", "1\n", "A line up to 8.0<!--= x -->."),
        ),
    )
    assert list(outcomes.items()) == [
        ("cell-1", "passed"),
        ("cell-0, number 1: 0.2 = p", "passed"),
        ("cell-2, number 1: 0.2 = p", "passed"),
        ("cell-2, number 2: 7.5 = x", "passed"),
        ("cell-3", "passed"),
        ("cell-4, number 1: 8.0 = x", "passed"),
        ("cell-5", "passed"),
        ("cell-5, number 1: 8.0 = x", "passed"),
    ]


def test_a_wrong_number_is_reported_with_cell_text_expression_value_and_remedy(tmp_path):
    outcomes = verify(
        tmp_path / "wrong.ipynb", notebook(GIVEN, ("md", "It carries 7.4<!--= x --> bits."))
    )
    assert outcomes == {
        "cell-0": "passed",
        "cell-1, number 1: 7.4 = x": (
            "cell cell-1: the text says 7.4 near 'It carries 7.4 bits.', but x is 7.5; write 7.5"
        ),
    }


def test_each_bad_binding_has_its_own_message(tmp_path):
    outcomes = verify(
        tmp_path / "bad.ipynb",
        notebook(
            GIVEN,
            ("md", "An unknown name: 0.2<!--= q -->."),
            ("md", "An expression that raises: 0.2<!--= p / 0 -->."),
            ("md", "No number<!--= p -->."),
            ("md", "An unbound one: 0.2."),
            ("md", "No syntax: 0.2<!--= p p -->."),
            ("md", "No number as value: 0.2<!--= 'text' -->."),
            ("md", "No closing: p<!--= p"),
            ("md", "Nothing ahead: 0.2<!--=> p -->."),
        ),
    )
    failed = {name: text for name, text in outcomes.items() if text != "passed"}
    assert [name.split(",")[0] for name in failed] == [f"cell-{i}" for i in range(1, 9)]
    report = "\n".join(failed.values())
    for message in (
        "cell-1: cannot evaluate 'q', bound to 0.2 near 'An unknown name: 0.2.': NameError",
        "cell-2: cannot evaluate 'p / 0'",
        "ZeroDivisionError",
        "cell-3: '<!--= p -->' binds 1 number(s), but 0 stand(s) before it",
        "cell-4: 0.2 is bound to nothing, in 'An unbound one: 0.2.'",
        "cell-5: cannot evaluate 'p p'",
        "SyntaxError",
        "cell-6: cannot evaluate",
        "could not convert string to float",
        "cell-7: this comment is never closed",
        "cell-8: this binding looks ahead, but no code cell follows",
    ):
        assert message in report


def test_a_caption_may_not_look_ahead(tmp_path):
    outcomes = verify(
        tmp_path / "caption.ipynb",
        notebook(("code", "p = 0.2", "", "Up to 0.2<!--=> p -->."), ("code", "1;", "")),
    )
    assert "a caption is evaluated after its own cell" in outcomes["cell-0, number 1: 0.2 = p"]


def test_outputs_are_still_compared(tmp_path):
    outcomes = verify(tmp_path / "output.ipynb", notebook(("code", "print(1)", "2\n")))
    assert "Cell outputs differ" in outcomes["cell-0"]
