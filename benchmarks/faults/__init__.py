"""The fault run: `make bench NAME=faults`. Forty handhelds send through a bad network while everything is killed.

plan.py says what happens (stories of parcels, the schedule of faults), all out of one seed; county.py makes the county;
processes.py keeps web, worker and beat running; proxy.py is the network; handheld.py sends and keeps a journal;
strikes.py kills; checker.py compares journals and tables at the end; sabotage.py breaks the product on purpose, to see
that the checker notices; run.py puts them together.
"""
