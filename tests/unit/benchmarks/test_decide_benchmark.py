from benchmarks.decide import run
from benchmarks.decide_texts import POST_CHARACTERS, headlines, posts
from benchmarks.decide_worlds import STORIES_PER_ASSET, kept_stories


def test_posts_are_of_one_length_and_headlines_short() -> None:
    assert {len(post) for post in posts()} == {POST_CHARACTERS}
    assert max(map(len, headlines())) < POST_CHARACTERS


def test_ten_times_the_stories_are_kept_for_ten_times_the_coins() -> None:
    usual, more = kept_stories(["BTC"]), kept_stories(["BTC"], 10)
    assert len(more) == 10 * len(usual)
    assert {len(each.stories) for each in more} == {STORIES_PER_ASSET}
    assert more[0].asset == "BTC"


def test_a_short_run_gives_every_figure_and_its_limit() -> None:
    figures = run(rounds=1, texts=12, times=(1, 2))
    assert figures["headlines"] == figures["posts"] == 12
    for key in ("p50_us_headline", "p50_us_post", "p99_us_headline", "p99_us_post"):
        assert figures[key] > 0
    assert figures["growth_stories_2x"] > 0
    assert figures["growth_assets_2x"] > 0
    for key in figures:
        kind, _, name = key.partition("_")
        if kind in ("least", "limit"):
            assert name in figures
