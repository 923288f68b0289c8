"""`python -m affekt` is the `affekt` command."""

from affekt.cli.main import main

if __name__ == "__main__":
    main()
