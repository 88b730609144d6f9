"""Runs on the computer: saves settings again and again, and says so after each time.

python saver.py FOLDER      a line `saved NUMBER` on stdout stands for a file that is on the disk

Meanwhile half.txt is being written and never finished.
"""

import os
import sys
from itertools import count
from pathlib import Path

from fer_core.files import write_text, written_beside

folder = Path(sys.argv[1])
with written_beside(folder / "half.txt") as beside:
    beside.write_text("half")
    with beside.open("r+b") as file:
        os.fsync(file.fileno())
    for number in count(1):
        write_text(folder / "settings.toml", f"number = {number}\n" * 2000)
        print(f"saved {number}", flush=True)
