"""PDFs that other people's programs make, a module for each kind: `files()` yields names and bytes."""
