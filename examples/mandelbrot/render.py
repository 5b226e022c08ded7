"""Draw the Mandelbrot set as text: a program with modules of its own beside it, which travel with its jobs.

Run it with the width of the picture and the greatest number of steps::

    python examples/mandelbrot/render.py --width 76 --steps 2000

Each line is a job.  Nothing needs to be installed for `plane` and `palette`: the modules of a program are sent along, as they
are when the job is submitted, so that editing them afterwards changes no job that waits.
"""

from __future__ import annotations

import argparse
import time

import cloud
import palette
import plane


def line(number: int, view: plane.View, steps: int) -> str:
    """Return one line of the picture."""
    return "".join(palette.character(plane.escape(point, steps), steps) for point in view.line(number))


def main() -> None:
    """Let jobs draw the lines, and print each as soon as it and those above it are there."""
    parser = argparse.ArgumentParser(description="draw the Mandelbrot set, a job a line")
    parser.add_argument("--width", type=int, default=76, help="characters in a line")
    parser.add_argument("--steps", type=int, default=2000, help="steps after which a point counts as inside")
    given = parser.parse_args()

    started = time.perf_counter()
    view = plane.View(width=given.width, height=given.width * 2 // 5)
    jids = cloud.map(lambda number: line(number, view, given.steps), range(view.height), _label="mandelbrot")
    inside = 0
    for text in cloud.iresult(jids):
        inside += text.count(palette.INSIDE)
        print(text, flush=True)
    area = inside / (view.width * view.height) * view.area
    seconds = time.perf_counter() - started
    print(f"{len(jids)} lines in {seconds:.2f} seconds; the set's area is about {area:.2f}")


if __name__ == "__main__":
    main()
