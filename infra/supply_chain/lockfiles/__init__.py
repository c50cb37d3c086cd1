"""Lock files of makers' languages, read as text: nothing is run, and nothing is fetched."""
