"""`python -m meetlog`: the console script, where the script itself is not on the path."""

from meetlog.cli import main

if __name__ == "__main__":
    main()
