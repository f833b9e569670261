"""`make bench NAME=faults`: what happens to scans when everything is killed. The last line is one JSON object.

make bench NAME=faults                          the long run: 100,000 acknowledged events, 200 faults, five rounds
make bench NAME=faults ARGS="--short"           20,000 events, 30 faults, within six minutes
make bench NAME=faults ARGS="--seed 17"         the same stories, network and order of faults again
make bench NAME=faults ARGS="--sabotage NAME"   a broken product: must end red
make bench NAME=faults ARGS="--sabotages"       all of them, one after the other
"""

import argparse
import contextlib
import json
import signal
import sys

from benchmarks.faults import sabotage
from benchmarks.faults.run import Options, Run, new_seed, sabotaged, say
from config.run import RunError, only_one
from config.servers import ServerError

LONG = (104_000, 205, 5)  # events, faults, rounds: some scans are refused, and 100,000 must be acknowledged
SHORT = (20_000, 30, 1)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--events", type=int)
    parser.add_argument("--faults", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--sabotage", choices=sabotage.NAMES)
    parser.add_argument("--sabotages", action="store_true")
    args = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stopped)
    seed = args.seed if args.seed is not None else new_seed()
    try:
        with only_one("fault-run", "make bench NAME=faults"):
            if args.sabotages:
                return _all_sabotages(seed)
            if args.sabotage:
                options = sabotaged(args.sabotage, seed)
            else:
                events, faults, rounds = SHORT if args.short or args.events else LONG
                options = Options(seed, args.events or events, args.faults or faults, args.rounds or rounds)
            result = Run(options).go()
            print(json.dumps(result), flush=True)
            return 1 if result["violations"] else 0
    except (RunError, ServerError, sabotage.Blunt) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _all_sabotages(seed: int) -> int:
    """Every sabotage must be noticed; 0 only if all are."""
    results = {}
    for name in sabotage.NAMES:
        with contextlib.suppress(sabotage.Blunt):
            results[name] = Run(sabotaged(name, seed)).go()["violations"]
        say(f"{name}: {'red' if results.get(name) else 'GREEN, and must not be'}")
    green = [name for name in sabotage.NAMES if not results.get(name)]
    print(json.dumps({"red": [name for name in sabotage.NAMES if results.get(name)], "green": green,
                      "violations_by_sabotage": results, "seed": seed}), flush=True)  # fmt: skip
    return 1 if green else 0


def _stopped(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
