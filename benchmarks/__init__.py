"""Side-by-side measurements of the data side against other projects' packages."""
