"""Rules about the code as a whole: who imports whom, how big things may get, what the documents must name."""
