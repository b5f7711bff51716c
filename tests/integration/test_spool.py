"""`tidings crawl` without a broker: it starts, keeps what it reads, and ends cleanly."""

from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from tests.integration.commands import command, running, until, write_config
from tests.integration.news_servers import news_socket

pytestmark = pytest.mark.slow

NOBODY = "127.0.0.1:1"


def settings_for(directory: Path, url: str, **kafka: object) -> dict[str, Any]:
    return {
        "runtime": {"data_dir": str(directory / "data"), "log_level": "WARNING"},
        "health": {"port": 0},
        "kafka": {"bootstrap": NOBODY, **kafka},
        "crawl": {
            "newswire": [
                {
                    "channel": "wire",
                    "url": url,
                    "fields": {"id": "id", "title": "title", "published": "time"},
                    "resume_param": "after",
                }
            ]
        },
    }


async def test_crawler_without_a_broker_keeps_what_it_reads_and_ends_cleanly(
    tmp_path: Path,
) -> None:
    async with news_socket() as news, aiohttp.ClientSession() as session:
        config = write_config(tmp_path / "crawl.toml", settings_for(tmp_path, news.url))

        async def spool(url: str) -> Any:  # noqa: ANN401 - JSON
            async with session.get(f"{url}/health/ready") as got:
                return (await got.json())["checks"]["spool"]

        async with running("crawl", config) as crawl:
            await news.until_connected()
            await news.send(("1", "Binance will list Stellar (XLM)"), ("2", "Kraken is down"))
            await until(
                session,
                f"{crawl.url}/health/live",
                lambda _: len(lines(tmp_path)) == 2,
                "two records on disk",
            )
            told = await spool(crawl.url)
            assert not told["ok"]
            assert told["detail"].startswith("spooling since")
            assert "2 records" in told["detail"]
            second = await command("crawl", "--config", config, cwd=tmp_path)
            assert second.returncode == 2
            assert f"in use by process {crawl.pid}" in second.stderr
            assert await crawl.terminate() == 0
        async with running("crawl", config) as crawl:
            assert "2 records" in (await spool(crawl.url))["detail"]
            assert await crawl.terminate() == 0
    assert msgspec.json.decode(lines(tmp_path)[0])["k"] == ["XLM"]


def lines(directory: Path) -> list[bytes]:
    return b"".join(
        path.read_bytes() for path in sorted((directory / "data" / "spool").glob("*.jsonl"))
    ).splitlines()


async def test_without_a_spool_nothing_starts_without_the_broker(tmp_path: Path) -> None:
    config = write_config(
        tmp_path / "c.toml", settings_for(tmp_path, "ws://127.0.0.1:1/", spool_mb=0)
    )
    done = await command("crawl", "--config", config, cwd=tmp_path)
    assert done.returncode == 1
    assert "can't be reached" in done.stderr
