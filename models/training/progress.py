"""How far long work is, on standard error."""

import sys
import time


class Progress:
    """Prints a line in place on a terminal, else one line every half minute."""

    def __init__(self, total: int, unit: str) -> None:
        self.total, self.unit, self.done = total, unit, 0
        self.begun = self.told = time.monotonic()

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        now, terminal = time.monotonic(), sys.stderr.isatty()
        if self.done < self.total and now - self.told < (0.2 if terminal else 30):
            return
        self.told = now
        left = (now - self.begun) / self.done * (self.total - self.done)
        end = "\r" if terminal and self.done < self.total else "\n"
        print(f"{self.done}/{self.total} {self.unit}, {left / 60:.0f} min left ", end=end, file=sys.stderr, flush=True)
