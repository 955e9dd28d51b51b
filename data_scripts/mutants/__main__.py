"""Make single changes to the code, one at a time, and see whether a test notices: ``make mutants``.

Each change is made in a private copy of what git tracks, and the tests that are about the changed file are run there
with a time limit. What was found stands in docs/mutants.csv, a change a row, and survivors with the reason why they
are harmless in docs/mutants.md. Killed, it goes on where it stopped: rows whose change is still to be made are kept.

    python -m data_scripts.mutants --count 220        # as many changes over all rooms, those in the table among them
    python -m data_scripts.mutants --room front/lib   # of one room
    python -m data_scripts.mutants --again            # the survivors once more
    python -m data_scripts.mutants --page             # only write the page
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

from data_scripts.mutants.copies import Copy, listed
from data_scripts.mutants.sample import Mutant, sampled
from data_scripts.mutants.table import read, write, write_page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=220)
    parser.add_argument("--room", action="append", help="only of this room (may be given again)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--again", action="store_true", help="ask the survivors of the table once more")
    parser.add_argument("--list", action="store_true", help="show the changes and make none")
    parser.add_argument("--page", action="store_true", help="write docs/mutants.md from the table and stop")
    given = parser.parse_args()
    if given.page:
        write_page(read())
        return
    chosen = sampled(given.count, given.room)
    if given.list:
        for each in chosen:
            print(each.title)
        return
    rows = read()
    current = {each.key for each in chosen}
    if not given.room:  # what is not of this sample any more goes
        rows = {key: row for key, row in rows.items() if key in current}
    left = [each for each in chosen if each.key not in rows or (given.again and rows[each.key]["verdict"] != "noticed")]
    print(f"{len(chosen)} changes, {len(left)} to be made", flush=True)
    names = listed()
    free: Queue[Copy] = Queue()
    for _ in range(min(given.workers, len(left))):
        free.put(Copy(names))

    def ask(mutant: Mutant) -> None:
        copy = free.get()
        try:
            verdict, by, seconds = copy.ask(mutant)
            reason = rows.get(mutant.key, {}).get("reason", "")
            rows[mutant.key] = {**mutant.row(), "verdict": verdict, "by": by, "seconds": f"{seconds:.0f}"}
            rows[mutant.key]["reason"] = reason if verdict != "noticed" else ""
            write(rows)
            print(f"{verdict:9} {seconds:4.0f} s  {mutant.title}  {by}", flush=True)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(given.workers) as pool:
        for _ in pool.map(ask, left):
            pass
    while not free.empty():
        free.get().remove()
    write_page(rows)


if __name__ == "__main__":
    main()
