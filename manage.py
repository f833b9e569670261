#!/usr/bin/env python
"""Django's command line; `make run` and `make test` are the two commands a newcomer needs."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("PROCESS_ROLE", "command")  # a command may take minutes where a page may not
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        sys.exit(f"The database does not answer ({reason}). `make run` or `make services` starts it.")


if __name__ == "__main__":
    main()
