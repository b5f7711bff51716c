"""Draws how a model does on the test set: its confusions, and how far its confidence holds."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # files only: no screen is needed

import numpy as np
from matplotlib import pyplot as plt

from models.training.measure import Readings, reliability


def draw_confusion(readings: Readings, path: Path) -> None:
    """Draw a table of right kinds of news against those predicted, shares by row, as PNG."""
    names = sorted(set(readings.types) | set(readings.said_types))
    counts = np.zeros((len(names), len(names)))
    for right, said in zip(readings.types, readings.said_types, strict=True):
        counts[names.index(right), names.index(said)] += 1
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(11, 10), layout="constrained")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("right")
    for row, column in zip(*counts.nonzero(), strict=True):
        colour = "white" if shares[row, column] > 0.5 else "black"  # noqa: PLR2004 - half
        axes.text(
            column,
            row,
            f"{counts[row, column]:.0f}",
            ha="center",
            va="center",
            color=colour,
            size=8,
        )
    axes.set_title(f"Kinds of news, {len(readings.types)} test texts")
    figure.savefig(path)
    plt.close(figure)


def draw_calibration(readings: Readings, path: Path) -> None:
    """Draw the part of predicted directions that was right against their confidence, as PNG."""
    right = readings.directions == readings.said_directions
    steps = reliability(readings.confidences, right)
    figure, axes = plt.subplots(figsize=(6, 6), layout="constrained")
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axes.plot([step[0] for step in steps], [step[1] for step in steps], marker="o")
    for confidence, share, part in steps:
        axes.annotate(
            f"{part:.0%}", (confidence, share), xytext=(6, -12), textcoords="offset points"
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="part that was right")
    axes.set_title("Direction; beside each point, its part of the test texts")
    figure.savefig(path)
    plt.close(figure)
