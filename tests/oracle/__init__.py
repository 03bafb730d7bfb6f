"""`make oracle`: random segments and histories, the same answer three ways."""
