"""Reports of a run: console, JUnit XML, JSON, HTML."""
