from console.commands.bench import beyond


def test_figures_within_their_limits_say_nothing() -> None:
    assert beyond({"name": "b", "us": 30.0, "limit_us": 30.0, "f1": 0.95, "least_f1": 0.95}) == []


def test_a_figure_above_its_most_is_named() -> None:
    assert beyond({"name": "b", "us": 31.0, "limit_us": 30.0}) == ["b: us is 31.0, at most 30.0"]


def test_a_figure_below_its_least_is_named() -> None:
    assert beyond({"name": "b", "f1": 0.9, "least_f1": 0.95}) == ["b: f1 is 0.9, at least 0.95"]
