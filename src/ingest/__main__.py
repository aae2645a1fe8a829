"""`python -m ingest` is the command line."""

if __name__ == "__main__":
    from ingest.cli.main import main

    main()
