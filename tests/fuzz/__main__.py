"""Try many inputs and print what went wrong, by callable, argument and kind: ``python -m tests.fuzz 10000 [room]``."""

from __future__ import annotations

import sys
from collections import Counter

from tests.fuzz.test_fuzz import searched


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    trials, faults = searched(count, *sys.argv[2:3])
    table = Counter(
        (fault.name, "; ".join(f"{a} = {v}" for a, v in fault.given[:1]), fault.what, fault.detail[:110])
        for fault in faults
    )
    for (name, given, what, detail), times in sorted(table.items()):
        print(f"{times:4}  {name}({given})  {what}: {detail}")
    raw = sum(fault.what not in ("changed", "long message", "names no argument", "short message") for fault in faults)
    kinds = Counter(fault.what for fault in faults)
    print(f"\n{count} inputs: {trials.counts}")
    print(f"{raw} raw errors ({raw / count:.1%}), {len(faults)} faults ({len(faults) / count:.1%}): {dict(kinds)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
