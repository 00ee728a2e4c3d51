"""Speed and memory, beside b2sdk. `README.md` says how to read what these commands print."""
