"""`python -m ingest`. Imports stay below the guard: the parser process imports this file too, and needs none of it."""

if __name__ == "__main__":
    from ingest.cli import main

    main(prog_name="python -m ingest")
