"""Writes docs/topics from the records: run it after a change to a record or a topic."""

from pathlib import Path

from core.contracts.schemas import documents


def write(folder: Path) -> None:
    """Write every generated document under `folder`, and remove schemas that are no more."""
    wanted = documents()
    for old in (folder / "schemas").glob("*.json"):
        if f"schemas/{old.name}" not in wanted:
            old.unlink()
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).resolve().parents[1] / "docs" / "topics")
