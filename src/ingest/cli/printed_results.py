"""Results and passages as people see them."""

from typing import TYPE_CHECKING

from ingest.cli.output import printable

if TYPE_CHECKING:
    from rich.text import Text

    from ingest.records import Result
    from ingest.search import Passage

SNIPPET = 300  # characters


def drawn(rank: int, result: "Result", stage: str) -> "Text":
    """Return a result as people see it, with its score at a stage."""
    from rich.text import Text

    others = "  ".join(f"{name} {score:.4f}" for name, score in result.scores.items() if name != stage)
    heading = " > ".join(map(printable, result.heading_path)) or printable(result.title)
    text = Text(f"{rank:>3}  {result.scores[stage]:.4f}  ")
    text.append(heading, style="bold")
    text.append(f"\n     {printable(result.uri)}", style=f"cyan link {printable(result.uri)}")
    text.append(f"  page {result.page}" if result.page else "")
    text.append(f"  {others}\n" if others else "\n", style="dim")
    text.append(f"     {printable(result.text, SNIPPET)}\n")
    return text


def drawn_passage(passage: "Passage") -> "Text":
    """Return a passage as people see it, with its whole text."""
    from rich.text import Text

    heading = " > ".join(map(printable, passage.heading_path)) or printable(passage.title)
    page = f", page {passage.page}" if passage.page else ""
    text = Text(f"{passage.rank:>3}  {passage.score:.4f}  ")
    text.append(heading, style="bold")
    text.append(f"\n     {printable(passage.uri)}", style=f"cyan link {printable(passage.uri)}")
    text.append(f"  {passage.start}-{passage.end}{page}, {passage.tokens} tokens\n", style="dim")
    text.append("".join(f"     {printable(line)}\n" for line in passage.text.splitlines() if line.strip()))
    return text
